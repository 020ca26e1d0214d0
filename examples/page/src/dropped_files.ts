/**
 * Files and folders that a person drops on the page or chooses.
 *
 * @module
 */

import type { ModelPlace } from "./model.ts";

/** The address under which dropped files are opened; nothing is ever sent to it. */
const FOLDER = "https://dropped.invalid/";

/** A file, and its path from where it was dropped or chosen. */
interface PlacedFile {
  readonly path: string;
  readonly file: File;
}

/** A model among files: the library opens them as it opens those of a server. */
export function placeOfFiles(files: readonly PlacedFile[]): ModelPlace {
  // A folder may hold other folders; of files with one name that which lies highest is meant.
  const fromBelow = files.toSorted((a, b) => depthOf(b) - depthOf(a));
  const byName = new Map(fromBelow.map(({ path, file }) => [file.name, { path, file }]));
  const [first = "", second] = [...byName.keys()].filter((name) => name.endsWith(".safetensors"));
  const isUsual = first === "" || second !== undefined || first === "model.safetensors" ||
    byName.has("model.safetensors.index.json");
  return {
    name: byName.get("config.json")?.path.split("/").at(-2) || "dropped files",
    model: isUsual ? FOLDER : FOLDER + encodeURIComponent(first),
    tokenizer: FOLDER,
    fetch: (url) => {
      const found = byName.get(decodeURIComponent(url.slice(FOLDER.length)));
      if (!found) return Promise.resolve(new Response(null, { status: 404 }));
      return Promise.resolve(new Response(found.file, { headers: { "content-length": String(found.file.size) } }));
    },
  };
}

function depthOf({ path }: PlacedFile): number {
  return path.split("/").length;
}

/** Files that were chosen by a field of a form. */
export function chosenFiles(files: FileList): PlacedFile[] {
  return Array.from(files, (file) => ({ path: file.webkitRelativePath || file.name, file }));
}

/** All files that were dropped, those in folders too. */
async function filesIn(items: DataTransferItemList): Promise<PlacedFile[]> {
  // Items are gone after the first pause.
  const dropped = Array.from(items, (item) => item.webkitGetAsEntry() ?? item.getAsFile());
  return (await Promise.all(dropped.map(filesOf))).flat();
}

async function filesOf(entry: FileSystemEntry | File | null): Promise<PlacedFile[]> {
  if (entry === null) return [];
  if (entry instanceof File) return [{ path: entry.name, file: entry }];
  if (isFile(entry)) {
    const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
    return [{ path: entry.fullPath, file }];
  }
  if (!isFolder(entry)) return [];
  const reader = entry.createReader();
  const files: PlacedFile[] = [];
  for (;;) {
    // A folder tells its entries in parts, and ends with an empty one.
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) return files;
    files.push(...(await Promise.all(part.map(filesOf))).flat());
  }
}

/** Browsers differ in the names of the classes. */
function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}

/** Calls back with what is dropped anywhere on the page, and shows that it may be dropped. */
export function onDrop(overlay: HTMLElement, use: (files: Promise<PlacedFile[]>) => void): void {
  const hasFiles = ({ dataTransfer }: DragEvent) => dataTransfer?.types.includes("Files") ?? false;
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    overlay.hidden = false;
  });
  document.addEventListener("dragleave", ({ relatedTarget }) => {
    if (relatedTarget === null) overlay.hidden = true;
  });
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event) || !event.dataTransfer) return;
    event.preventDefault();
    overlay.hidden = true;
    use(filesIn(event.dataTransfer.items));
  });
}
