/**
 * Replaces several files of a folder at once. A reader that finds files by `currentPlaces` sees all of the old ones or
 * all of the new ones, at every moment and wherever a process was killed.
 *
 * An update is prepared in `.andromeda-save-<id>`, which holds one folder `<id>` with the new files in `new/`, the
 * names of the files that go in `removed.json`, and a place for these in `old/`. One rename to `.andromeda-save`
 * commits it; that fails while another update is there, which is finished first. Finishing takes several renames. They
 * can be done by anybody, once more, or by several at the same time, without a lock that a killed process would leave
 * behind: each moves a file out of or into `<id>`, so one that comes late finds nothing there and does nothing.
 *
 * @module
 */

import { WeightsError } from "../../errors.ts";
import { nodeModule } from "../../host/node.ts";
import { isGranted } from "../../host/permissions.ts";
import { type ErrorClass, messageOf } from "./byte_source.ts";
import { absent, createFile, joinPath, kindOfPath, makeFolder, namesIn, type NewFile } from "./local_files.ts";

/** The folder that holds the committed update; with "-" and an id, the one in which an update is prepared. */
const UPDATE = ".andromeda-save";

/** The list of names that an update removes. */
const REMOVED = "removed.json";

/** A process that can't be checked counts as ended once it has written nothing for an hour, in ms. */
const ABANDONED_AFTER = 3_600_000;

/** New files for a folder. */
export interface FolderUpdate {
  /** Begins a file that the folder gets. */
  create(name: string): Promise<NewFile>;
  /**
   * Puts the finished files into the folder.
   *
   * @param outdated Gives the names of the files to remove; called once no other update can change the folder.
   */
  commit(outdated: () => Promise<readonly string[]>): Promise<void>;
  /** Leaves the folder as it was. Does nothing after `commit`. */
  discard(): Promise<void>;
}

/**
 * Prepares an update of a folder, which is made if need be.
 *
 * @throws {Error} If the host refuses, also from the update's methods; its class is `errorClass`.
 */
export async function beginUpdate(folder: string, errorClass: ErrorClass = WeightsError): Promise<FolderUpdate> {
  const { mkdir, rm } = nodeModule("node:fs/promises");
  const { pid } = nodeModule("node:process");
  const explain = (cause: unknown): never => {
    if (cause instanceof errorClass) throw cause;
    throw new errorClass(`Cannot write to ${folder}: ${messageOf(cause)}`, { cause });
  };
  const id = `${pid}-${crypto.randomUUID()}`;
  const prepared = joinPath(folder, `${UPDATE}-${id}`);
  const made = await makeFolder(folder).catch(explain);
  const files: NewFile[] = [];
  let isCommitted = false;
  const discard = async () => {
    if (isCommitted) return;
    for (const file of files) await file.close().catch(() => {});
    await rm(prepared, { recursive: true, force: true });
    if (made !== undefined) await unmakeFolders(folder, made);
  };
  try {
    await mkdir(joinPath(prepared, id, "new"), { recursive: true });
    await mkdir(joinPath(prepared, id, "old"));
  } catch (cause) {
    await discard();
    explain(cause);
  }
  return {
    create: async (name) => {
      await refuseFolders(folder, [name], errorClass).catch(explain);
      const path = joinPath(prepared, id, "new", name);
      const file = await createFile(path, joinPath(folder, name), errorClass);
      files.push(file);
      return file;
    },
    commit: async (outdated) => {
      while (!isCommitted) {
        await finishUpdates(folder).catch(explain);
        const names = await outdated();
        await refuseFolders(folder, names, errorClass).catch(explain);
        await writeRemoved(joinPath(prepared, id), names).catch(explain);
        isCommitted = await putUp(folder, prepared).catch(explain);
      }
      await finishUpdates(folder).catch((cause) => {
        const fault = `Cannot put the new files of ${folder} in their places, so that they stay in ${UPDATE}`;
        throw new errorClass(`${fault}: ${messageOf(cause)}; the next save tries again`, { cause });
      });
      await removeAbandoned(folder);
    },
    discard,
  };
}

/** Refuses to put files in the place of folders, because these would be removed with all that is in them. */
async function refuseFolders(folder: string, names: readonly string[], errorClass: ErrorClass): Promise<void> {
  for (const name of names) {
    const path = joinPath(folder, name);
    if (await kindOfPath(path) === "folder") {
      throw new errorClass(`Cannot replace ${path}: it is a folder, where a file is to be; move it away`);
    }
  }
}

/** Makes a prepared update the committed one, unless another came first. */
async function putUp(folder: string, prepared: string): Promise<boolean> {
  const { rename } = nodeModule("node:fs/promises");
  const committed = joinPath(folder, UPDATE);
  try {
    await rename(prepared, committed);
    return true;
  } catch (cause) {
    const code: unknown = cause instanceof Error ? Reflect.get(cause, "code") : undefined;
    // Windows reports only that permission is missing.
    const isTaken = code === "ENOTEMPTY" || code === "EEXIST" || (await namesIn(committed)).length > 0;
    if (!isTaken) throw cause;
    return false;
  }
}

/** The paths at which a file of a folder may be: the first that leads to a file is the current one. */
export async function currentPlaces(folder: string, name: string): Promise<string[]> {
  const places: string[] = [];
  const committed = joinPath(folder, UPDATE);
  for (const id of await namesIn(committed)) {
    const update = joinPath(committed, id);
    if ((await readRemoved(update)).includes(name)) return places;
    places.push(joinPath(update, "new", name));
  }
  return [...places, joinPath(folder, name)];
}

/** Puts the files of a committed update in their places. */
async function finishUpdates(folder: string): Promise<void> {
  const { rm, rmdir } = nodeModule("node:fs/promises");
  const committed = joinPath(folder, UPDATE);
  for (const id of await namesIn(committed)) {
    const update = joinPath(committed, id);
    for (const name of await readRemoved(update)) {
      await move(joinPath(folder, name), joinPath(update, "old", name));
    }
    for (const name of await namesIn(joinPath(update, "new"))) {
      await move(joinPath(update, "new", name), joinPath(folder, name));
    }
    const done = joinPath(folder, `${UPDATE}-${id}`);
    await move(update, done);
    // A later save removes what can't be removed now.
    await rm(done, { recursive: true, force: true }).catch(() => {});
  }
  // The folder stays if the next update has been committed already.
  await rmdir(committed).catch(() => {});
}

/** Moves a file, unless somebody else has done so. */
async function move(from: string, to: string): Promise<void> {
  const { rename } = nodeModule("node:fs/promises");
  await rename(from, to).catch(absent);
}

async function writeRemoved(update: string, names: readonly string[]): Promise<void> {
  const { rm } = nodeModule("node:fs/promises");
  const path = joinPath(update, REMOVED);
  await rm(path, { force: true });
  const file = await createFile(path, path);
  try {
    await file.write(new TextEncoder().encode(JSON.stringify(names)));
    await file.finish();
  } finally {
    await file.close();
  }
}

/** The names that an update removes; none once it is finished. */
async function readRemoved(update: string): Promise<string[]> {
  const { readFile } = nodeModule("node:fs/promises");
  const text = await readFile(joinPath(update, REMOVED), "utf8").catch(absent) ?? "[]";
  const names: unknown = JSON.parse(text);
  return Array.isArray(names) ? names.filter((name) => typeof name === "string" && /^[^/\\]+$/.test(name)) : [];
}

/** Removes the leftovers of killed processes, as far as possible. */
async function removeAbandoned(folder: string): Promise<void> {
  const { rm } = nodeModule("node:fs/promises");
  for (const name of await namesIn(folder).catch(() => [])) {
    const [, pid] = /^\.andromeda-save-(\d+)-[\da-f-]{36}$/.exec(name) ?? [];
    // Older versions wrote temporary files beside config.json and model.safetensors.
    const isFile = /^(config\.json|model[^/]*\.safetensors(\.index\.json)?)\.[\da-f-]{36}\.tmp$/.test(name);
    if (pid === undefined && !isFile) continue;
    const path = joinPath(folder, name);
    const isAbandoned = pid !== undefined && hasEnded(Number(pid)) || await isIdle(path).catch(() => false);
    if (isAbandoned) await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}

/** Whether a process has certainly ended, as far as this one may find out. */
function hasEnded(pid: number): boolean {
  if (!isGranted({ name: "run" })) return false;
  const { kill } = nodeModule("node:process");
  try {
    kill(pid, 0);
    return false;
  } catch (cause) {
    return cause instanceof Error && Reflect.get(cause, "code") === "ESRCH";
  }
}

/** Whether a file, or every file in a folder, was left unwritten for so long that its process must have ended. */
async function isIdle(path: string): Promise<boolean> {
  const { stat } = nodeModule("node:fs/promises");
  const stats = await stat(path).catch(absent);
  if (stats === undefined || Date.now() - stats.mtimeMs < ABANDONED_AFTER) return false;
  if (!stats.isDirectory()) return true;
  for (const name of await namesIn(path)) if (!await isIdle(joinPath(path, name))) return false;
  return true;
}

/** Removes the folders from one to the outermost that was made for it, as far as nobody has put anything there. */
async function unmakeFolders(folder: string, outermost: string): Promise<void> {
  const { rmdir } = nodeModule("node:fs/promises");
  const { dirname, resolve } = nodeModule("node:path");
  const last = resolve(outermost);
  for (let path = resolve(folder);; path = dirname(path)) {
    const isRemoved = await rmdir(path).then(() => true, () => false);
    if (!isRemoved || path === last) return;
  }
}
