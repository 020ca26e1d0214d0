/**
 * Places that files are saved to.
 *
 * @module
 */

import { show } from "../../common/show.ts";
import { ConfigError } from "../../errors.ts";
import { hasNodeModules } from "../../host/node.ts";
import type { ErrorClass } from "./byte_source.ts";
import { beginUpdate, type FolderUpdate } from "./folder_update.ts";
import { pathOfUrl } from "./local_files.ts";

/**
 * The path that a target stands for.
 *
 * @throws {ConfigError} If it stands for none.
 */
export function pathOfTarget(target: string | URL): string {
  const refuse = (rule: string, cause?: unknown): never => {
    const given = target instanceof URL ? target.href : show(target);
    throw new ConfigError(
      `Cannot save to ${given}: ${rule}; give the path or file: URL of a folder, or a WritableStream`,
      { cause },
    );
  };
  if (typeof target !== "string" && !(target instanceof URL)) return refuse("it is neither a path nor a URL");
  if (!hasNodeModules()) return refuse("this host has no files");
  let path = String(target);
  if (target instanceof URL || /^([a-z][a-z\d+.-]+:\/\/|(file|data|blob):)/i.test(target)) {
    try {
      path = pathOfUrl(new URL(target));
    } catch (cause) {
      return refuse(`it is not the URL of a file here`, cause);
    }
  }
  if (path.trim() === "") return refuse("it names nothing");
  if (path.includes("\0")) return refuse("paths have no NUL character");
  return path;
}

/** Changes a folder, or leaves it as it was. */
export async function updateFolder(
  folder: string,
  write: (update: FolderUpdate) => Promise<void>,
  errorClass?: ErrorClass,
): Promise<void> {
  const update = await beginUpdate(folder, errorClass);
  try {
    await write(update);
  } finally {
    await update.discard();
  }
}

/** Writes a file that a folder gets. */
export async function writeFile(
  update: FolderUpdate,
  name: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const file = await update.create(name);
  for await (const piece of pieces) await file.write(piece);
  await file.finish();
}
