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
