/**
 * Files and folders that a person drops on the page or chooses.
 *
 * @module
 */

import type { ModelPlace } from "./model.ts";

/** The address under which dropped files are opened; nothing is ever sent to it. */
const FOLDER = "https://dropped.invalid/";

/** A model among files: the library opens them as it opens those of a server. */
export function placeOfFiles(files: readonly File[]): ModelPlace {
  // A folder may hold other folders; of files with one name that which lies highest is meant.
  const byName = new Map(files.toSorted((a, b) => depthOf(b) - depthOf(a)).map((file) => [file.name, file] as const));
  const weights = [...byName.keys()].filter((name) => name.endsWith(".safetensors"));
  const [first = ""] = weights;
  const isNamed = byName.has("model.safetensors") ||
    byName.has("model.safetensors.index.json");
  return {
    name: byName.get("config.json")?.webkitRelativePath.split("/").at(-2) ||
      "dropped files",
    model: isNamed || weights.length !== 1 ? FOLDER : FOLDER + encodeURIComponent(first),
    tokenizer: FOLDER,
    fetch: (url) => {
      const file = byName.get(decodeURIComponent(url.slice(FOLDER.length)));
      if (!file) return Promise.resolve(new Response(null, { status: 404 }));
      return Promise.resolve(new Response(file, { headers: { "content-length": String(file.size) } }));
    },
  };
}

function depthOf({ webkitRelativePath }: File): number {
  return webkitRelativePath.split("/").length;
}

/** All files that were dropped, those in folders too. */
export async function filesIn(items: DataTransferItemList): Promise<File[]> {
  // Items are gone after the first pause.
  const dropped = Array.from(items, (item) => item.webkitGetAsEntry() ?? item.getAsFile());
  return (await Promise.all(dropped.map(filesOf))).flat();
}

async function filesOf(entry: FileSystemEntry | File | null): Promise<File[]> {
  if (entry instanceof File) return [entry];
  if (entry instanceof FileSystemFileEntry) {
    return [await new Promise<File>((resolve, reject) => entry.file(resolve, reject))];
  }
  if (!(entry instanceof FileSystemDirectoryEntry)) return [];
  const reader = entry.createReader();
  const files: File[] = [];
  for (;;) {
    // A folder tells its entries in parts, and ends with an empty one.
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (part.length === 0) return files;
    files.push(...(await Promise.all(part.map(filesOf))).flat());
  }
}

/** Calls back with what is dropped anywhere on the page, and shows that it may be dropped. */
export function onDrop(overlay: HTMLElement, use: (files: File[]) => void): void {
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
    void filesIn(event.dataTransfer.items).then(use);
  });
}
