import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Progress, readAll } from "../../data/files/byte_source.ts";
import { openFileSet } from "../../data/files/files.ts";
import { showText, showUrl } from "../../data/http/show_url.ts";
import { fetchHubFile } from "../../data/hub/hub.ts";
import { hubAddress } from "../../data/hub/hub_address.ts";
import { ConfigError } from "../../errors.ts";
import { readSafetensors } from "../../models/weights/safetensors/read.ts";
import { openModel } from "../../models/weights/source.ts";
import { around, repo } from "./around.ts";
import { HubServer, noise } from "./hub_server.ts";

/** Runs with environment variables, and puts the old ones back. */
async function withVariables(variables: Record<string, string | undefined>, run: () => Promise<void>): Promise<void> {
  const before = Object.keys(variables).map((name) => [name, Deno.env.get(name)] as const);
  const set = (name: string, value: string | undefined) =>
    value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
  try {
    for (const [name, value] of Object.entries(variables)) set(name, value);
    await run();
  } finally {
    for (const [name, value] of before) set(name, value);
  }
}

/** Everything of an error that a program could log. */
function everythingOf(error: unknown): string {
  return `${Deno.inspect(error, { depth: 10, showHidden: true })} ${error instanceof Error ? error.stack : ""}`;
}

const HF = "https://huggingface.co";

Deno.test("HF_TOKEN goes to the hubs that it belongs to, and a given token to the host that it is given for", async () => {
  const cases: [endpoint: string | undefined, host: string | undefined, isSent: boolean][] = [
    [undefined, undefined, true],
    [undefined, HF, true],
    [undefined, `${HF}/`, true],
    [undefined, "https://HuggingFace.co:443", true],
    [undefined, "http://huggingface.co", false],
    [undefined, `${HF}:8443`, false],
    [undefined, "https://huggingface.co.example.org", false],
    [undefined, "https://example.org/huggingface.co", false],
    [undefined, "https://huggingface.co@example.org", false],
    [undefined, `${HF}/mirror`, false],
    [undefined, "http://127.0.0.1:8080", false],
    ["https://mirror.example.org/hf/", undefined, true],
    ["https://mirror.example.org/hf/", "https://mirror.example.org/hf", true],
    ["https://mirror.example.org/hf/", "https://mirror.example.org/other", false],
    ["https://mirror.example.org/hf/", "https://mirror.example.org", false],
    ["https://mirror.example.org/hf/", "http://mirror.example.org/hf", false],
    ["https://mirror.example.org/hf/", HF, true],
    ["http://mirror.example.org", undefined, false],
    ["http://10.0.0.1", undefined, false],
    ["http://127.0.0.1.example.org", undefined, false],
    ["http://localhost:8080", undefined, true],
    ["http://127.0.0.1:8080", undefined, true],
    ["http://[::1]:8080", undefined, true],
    ["nonsense", HF, true],
    ["nonsense", "https://example.org", false],
  ];
  for (const [endpoint, host, isSent] of cases) {
    await withVariables({ HF_TOKEN: "hf_secret", HF_ENDPOINT: endpoint }, () => {
      const address = hubAddress(host, undefined);
      const sent = address.authorization?.includes("hf_secret") === true;
      assertEquals([sent, address.isTokenWithheld], [isSent, !isSent], `${endpoint} ${host}`);
      assertEquals(hubAddress(host, "given").authorization, "Bearer given");
      return Promise.resolve();
    });
  }
});

Deno.test("a server sees HF_TOKEN only where HF_ENDPOINT names it, and the error says so", async () => {
  await around("none", async ({ server, fetch }) => {
    server.add("w", noise(10));
    server.token = "hf_secret";
    await withVariables({ HF_TOKEN: " hf_secret\n", HF_ENDPOINT: undefined }, async () => {
      const { message } = await assertRejects(() => fetch("w"), Error, "give a `token`");
      assert(message.includes("HF_TOKEN is sent to https://huggingface.co and HF_ENDPOINT alone"), message);
      assert(server.requests.every(({ headers }) => !headers.has("authorization")));
      assertEquals(await fetch("w", { token: "hf_secret" }), noise(10));
    });
    await withVariables({ HF_TOKEN: " hf_secret\n", HF_ENDPOINT: server.host }, async () => {
      assertEquals(await fetch("w", { host: undefined }), noise(10));
      assertEquals(await fetch("w"), noise(10));
      assertEquals(await fetch("w", { token: "other" }).catch((error) => error.message.includes("401")), true);
    });
  });
});

Deno.test("tokens and passwords are not forwarded to other servers, nor back from them", async () => {
  await around("folder", async ({ server, fetch, files }) => {
    const elsewhere = new HubServer();
    try {
      server.add("same", noise(10), { redirect: "/there?a=1" });
      server.files.set("/there?a=1", { bytes: noise(10) });
      server.add("other", noise(10), { redirect: `${elsewhere.host}/w?X-Amz-Signature=abc123` });
      elsewhere.files.set("/w?X-Amz-Signature=abc123", { bytes: noise(10) });
      server.add("back", noise(10), { redirect: `${elsewhere.host}/back` });
      elsewhere.files.set("/back", { bytes: noise(10), redirect: `${server.host}/there?a=1` });
      const password = server.host.replace("//", "//us%40er:p%3Aw%C3%A9@");
      const basic = `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode("us@er:p:wé")))}`;
      for (const [options, sent] of [[{ token: "t" }, "Bearer t"], [{ host: password }, basic]] as const) {
        for (const file of ["same", "other", "back"]) {
          server.requests.length = 0;
          elsewhere.requests.length = 0;
          assertEquals(await fetch(file, { ...options, cache: false }), noise(10));
          assertEquals(
            server.requests.map(({ headers }) => headers.get("authorization")),
            { same: [sent, sent], other: [sent], back: [sent, undefined] }[file],
          );
          assert(elsewhere.requests.every(({ headers }) => !headers.has("authorization")));
        }
        await fetch("other", options);
      }
      // The copy is the same for all tokens.
      assertEquals(files().length, 2);
      assert(!/p%3A|p:w|abc123/.test(JSON.stringify(files())));
    } finally {
      await elsewhere.close();
    }
  });
});

Deno.test("passwords, tokens and signatures stand in no error, no event and no file", async () => {
  const secrets = /geheim|abc123|c2Vj|tok_en/;
  await around("folder", async ({ server, folder }) => {
    const address = `${server.host.replace("//", "//user:geheim@")}/m`;
    const query = "?sig=abc123&X-Amz-Credential=c2Vj#tok_en";
    const closed = address.replace(/:\d+\/m$/, ":9/m");
    const unknown = "http://user:geheim@nowhere.invalid/m";
    const page = new TextEncoder().encode("<html>");
    const options = { retries: 0, retryDelay: 1, cache: folder, token: "tok_en" };
    const path = `/m/model.safetensors?sig=abc123&X-Amz-Credential=c2Vj`;
    const rejects = async (run: () => Promise<unknown>, message: string) => {
      const error = await assertRejects(run, Error, message);
      assert(!secrets.test(everythingOf(error)), everythingOf(error));
    };
    const read = (base: string) => () => readSafetensors(`${base}/model.safetensors${query}`, options);
    await rejects(read(closed), "can't be reached");
    await rejects(read(unknown), "can't be reached");
    await rejects(read("https://user:geheim@[bad"), "not a valid URL");
    await rejects(read("ftp://user:geheim@host"), "there is no such file or folder");
    await rejects(read(address), "no model.safetensors");
    await rejects(() => openModel(`${address}/${query}`, options), "no config.json");
    server.files.set(path, { bytes: noise(5000) });
    for (const status of [401, 403, 429, 500, 418]) {
      const words = `see https://user:geheim@host/?sig=abc123 for ${status}`;
      server.faults.push({ status, headers: { "x-error-message": words } });
      await rejects(read(address), String(status));
    }
    server.faults.push({ cutAfter: 3000 });
    await rejects(async () => {
      const files = await openFileSet(`${address}/model.safetensors${query}`, options);
      await readAll((await files.open("model.safetensors"))!);
    }, "broke off");
    server.faults.push({ body: page });
    await rejects(read(address), "web page");
    server.faults.push({ announce: 5 });
    await rejects(async () => {
      const files = await openFileSet(`${address}/model.safetensors${query}`, { ...options, retries: 1 });
      await readAll((await files.open("model.safetensors"))!);
    }, "announced");
    for (const location of ["ftp://user:geheim@host/x", "//", "http://user:geheim@:99999/x", "data:abc123"]) {
      server.files.set(path, { bytes: noise(10), redirect: location });
      if (location !== "//") await rejects(read(address), "redirects to");
    }
    server.files.set(path, { bytes: noise(10), redirect: `${closed}/x${query}` });
    await rejects(read(address), "can't be reached");

    // Hubs.
    const heard: Progress[] = [];
    const host = `${server.host.replace("//", "//user:geheim@")}/`;
    const hub = { ...options, host, onProgress: (progress: Progress) => heard.push(progress) };
    server.add("w", noise(1000), { redirect: `/w${query}` });
    server.files.set(`/w?sig=abc123&X-Amz-Credential=c2Vj`, { bytes: noise(1000) });
    const source = await fetchHubFile(repo, "w", hub);
    assert(heard.length > 0);
    server.faults.push({ status: 403 });
    await rejects(() => fetchHubFile(repo, "v", { ...hub, cache: false }), "403");
    await rejects(() => fetchHubFile(repo, "v", { ...hub, host: "http://user:geheim@[bad" }), "Cannot use the host");
    await rejects(() => fetchHubFile(repo, "v", { ...hub, host: "user:geheim@host" }), "Cannot use the host");
    await rejects(() => fetchHubFile(repo, "v", { ...hub, host: `${host}?sig=abc123` }), "Cannot use the host");
    const told = [JSON.stringify([heard, source!.name])];
    const walk = (place: string): void => {
      for (const { name, isDirectory } of Deno.readDirSync(place)) {
        told.push(name);
        if (isDirectory) walk(`${place}/${name}`);
        else if (name === "state.json") told.push(Deno.readTextFileSync(`${place}/${name}`));
      }
    };
    walk(folder);
    assert(!secrets.test(told.join("\n")), told.join("\n"));
  });
});

Deno.test("tokens that no header can carry are refused without being shown", () => {
  for (const token of ["geheim\nx: y", "geheim€", "geheim\u0000x"]) {
    const error = assertThrows(() => hubAddress("https://example.org", token), ConfigError, "`token`");
    assert(!everythingOf(error).includes("geheim"));
  }
  assertEquals(hubAddress("https://example.org", "  ").authorization, undefined);
});

Deno.test("URLs are shown without what may be secret", () => {
  const shown: Record<string, string> = {
    "https://user:pw@host:8/a/@b@1?sig=1#x": "https://host:8/a/@b@1?...",
    "HTTP://U:P@Host/x": "http://host/x",
    "//user:pw@host/x?y": "//host/x?...",
    "user:pw@host": "user:host",
    "file:///a/b?c": "file:///a/b?...",
    "data:application/json;base64,e30=": "data:application/json...",
    "data:secret": "data:...",
    "blob:https://host/1-2": "blob:https://host/1-2",
    "org/name": "org/name",
  };
  for (const [url, expected] of Object.entries(shown)) assertEquals(showUrl(url), expected);
  // Signs that should have been written with percent signs, so that this is no URL.
  for (const sign of "?#/\\@: []") {
    const text = showUrl(`http://user:geheim${sign}geheim@host/y`);
    assert(!text.includes("geheim"), text);
  }
  assertEquals(
    showText("error for url (http://u:p@h/c?sig=1): no route; see https://x.org/y."),
    "error for url (http://h/c?... no route; see https://x.org/y.",
  );
});
