/** The module as a plain web server serves it, for a program without import map, configuration and lock file. */

import { assert, assertEquals } from "@std/assert";
import { deno, ROOT } from "../support/deno.ts";

/** Serves the repository's files; counts the requests. */
function serve(): { server: Deno.HttpServer<Deno.NetAddr>; paths: string[] } {
  const paths: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname } = new URL(request.url);
    paths.push(pathname);
    try {
      const file = await Deno.open(new URL(`.${pathname}`, ROOT));
      const type = pathname.endsWith(".ts") ? "text/typescript" : "application/octet-stream";
      return new Response(file.readable, { headers: { "content-type": type } });
    } catch {
      return new Response(null, { status: 404 });
    }
  });
  return { server, paths };
}

/** A cache folder of its own, which has the npm packages of this one. */
async function makeCache(folder: string): Promise<string> {
  const { stdout } = await deno(["info", "--json"]);
  const { npmCache } = JSON.parse(stdout);
  await Deno.mkdir(`${folder}/cache`);
  await Deno.symlink(npmCache, `${folder}/cache/npm`);
  return `${folder}/cache`;
}

const PROGRAM = (origin: string) => `
import { Andromeda, AndromedaTokenizer, createBackend } from "${origin}/mod.ts";

const backend = await createBackend("wasm");
const source = "${origin}/examples/shakespeare/";
const tokenizer = await AndromedaTokenizer.load(source);
const model = await Andromeda.load(source, { backend });
const tokens: number[] = [];
for await (const token of model.generate(tokenizer.encode("ROMEO:"), { maxNewTokens: 8, temperature: 0 })) tokens.push(token);
console.log(JSON.stringify({ text: tokenizer.decode(tokens), url: import.meta.resolve("./") }));
model.dispose();
backend.dispose();
`;

Deno.test("mod.ts runs from a plain URL in an empty folder, and its model and tokenizer load from one", async () => {
  const folder = await Deno.makeTempDir();
  const { server, paths } = serve();
  try {
    const empty = `${folder}/empty`;
    await Deno.mkdir(empty);
    await Deno.writeTextFile(`${empty}/main.ts`, PROGRAM(`http://127.0.0.1:${server.addr.port}`));
    const { code, stdout, stderr } = await deno(["run", "-A", "--check", "main.ts"], {
      cwd: empty,
      env: { DENO_DIR: await makeCache(folder) },
    });
    assertEquals(code, 0, stderr);
    assert(JSON.parse(stdout).text.length > 8, stdout);
    assertEquals([...Deno.readDirSync(empty)].map(({ name }) => name), ["main.ts"]);
    assert(paths.includes("/mod.ts"));
    assertEquals(paths.filter((path) => path.endsWith(".safetensors")), ["/examples/shakespeare/model.safetensors"]);
    assertEquals(paths.filter((path) => /^\/(tests|cli|bench|deno)/.test(path)), []);
  } finally {
    await server.shutdown();
    await Deno.remove(folder, { recursive: true });
  }
});
