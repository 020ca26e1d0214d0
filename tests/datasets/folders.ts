/** Folders of texts for tests of datasets. */

/** What becomes a file: bytes, or a text. */
type Content = string | Uint8Array;

/** Runs something with a folder of files, by their paths in it, which is removed then. */
export async function withFiles(
  files: Readonly<Record<string, Content>>,
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "andromeda_dataset_" });
  try {
    for (const [path, content] of Object.entries(files)) {
      await Deno.mkdir(`${folder}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      await Deno.writeFile(`${folder}/${path}`, bytes);
    }
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Bytes compressed with gzip. */
export async function gzipped(text: string): Promise<Uint8Array> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The files of a folder and what is in them, hidden ones too. */
export async function contentsOf(folder: string, below = ""): Promise<Map<string, string>> {
  const contents = new Map<string, string>();
  for await (const { name, isDirectory } of Deno.readDir(`${folder}/${below}`)) {
    const path = `${below}${name}`;
    if (isDirectory) { for (const entry of await contentsOf(folder, `${path}/`)) contents.set(...entry); }
    else contents.set(path, (await Deno.readFile(`${folder}/${path}`)).toString());
  }
  return new Map([...contents].toSorted(([a], [b]) => a < b ? -1 : 1));
}

/** A server of a folder, whole files and ranges. */
export interface FolderServer extends AsyncDisposable {
  readonly url: URL;
  /** The paths that were asked for, each with the first byte where a range was. */
  readonly asked: string[];
}

const TYPES: Readonly<Record<string, string>> = { js: "text/javascript", html: "text/html", json: "application/json" };

/** Serves a folder on a free port. */
export function serveFolder(folder: string): FolderServer {
  const asked: string[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, async (request) => {
    const path = new URL(request.url).pathname;
    const bytes = await Deno.readFile(`${folder}${path}`).catch(() => undefined);
    if (!bytes) return new Response("none", { status: 404 });
    const [, first = "", last = ""] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get("range") ?? "") ?? [];
    asked.push(`${path} ${first}`);
    const type = TYPES[path.slice(path.lastIndexOf(".") + 1)] ?? "application/octet-stream";
    const headers = { etag: `"${path}"`, "content-type": type };
    if (first === "") return new Response(bytes, { headers });
    const part = bytes.slice(Number(first), last === "" ? undefined : Number(last) + 1);
    const range = `bytes ${first}-${Number(first) + part.length - 1}/${bytes.length}`;
    return new Response(part, { status: 206, headers: { ...headers, "content-range": range } });
  });
  return {
    url: new URL(`http://localhost:${server.addr.port}/`),
    asked,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}
