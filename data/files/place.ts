/**
 * What a location means: a path, a URL, or a repository on a hub.
 *
 * @module
 */

import { WeightsError } from "../../errors.ts";
import { hasNodeModules } from "../../host/node.ts";
import { showUrl } from "../http/show_url.ts";
import { type HubRepo, isRepoName } from "../hub/hub_repo.ts";
import { type ErrorClass, messageOf } from "./byte_source.ts";
import { kindOfPath, pathOfUrl } from "./local_files.ts";

/**
 * The place of files: a folder or a file in it; the URL of either; "org/name", or "org/name@revision", on the Hugging
 * Face Hub; or a repository with its revision.
 *
 * @category Data
 */
export type FileLocation = string | URL | HubRepo;

/** A place of files. */
export type Place =
  | { readonly kind: "file" | "folder"; readonly path: string }
  | { readonly kind: "url"; readonly url: URL }
  /** `doubt`: why the name may have meant something else, for messages. */
  | { readonly kind: "hub"; readonly repo: HubRepo; readonly doubt?: string };

/**
 * Finds out what a location means. A text that is a path of something that exists means that; else, if it has the form
 * "org/name", the Hub is meant.
 *
 * @throws {Error} If it means nothing; its class is `errorClass`.
 */
export async function placeOf(location: FileLocation, errorClass: ErrorClass = WeightsError): Promise<Place> {
  if (location instanceof URL) return await placeOfUrl(location, errorClass);
  if (typeof location !== "string") return { kind: "hub", repo: location };
  if (/^(https?|file|blob|data):/.test(location)) {
    if (URL.canParse(location)) return await placeOfUrl(new URL(location), errorClass);
    throw new errorClass(`Cannot open ${JSON.stringify(showUrl(location))}: it is not a valid URL`);
  }
  if (hasNodeModules()) {
    const place = await placeOfPath(location, errorClass);
    if (place !== undefined) return place;
  } else if (/^\.{0,2}\//.test(location) && "location" in globalThis) {
    return { kind: "url", url: new URL(location, globalThis.location.href) };
  }
  const [repo = "", revision] = location.split(/@(.*)/s);
  if (isRepoName(repo)) return { kind: "hub", repo: { repo, revision } };
  const meant = 'a path that exists, a URL, or "org/name" on the Hugging Face Hub';
  throw new errorClass(
    `Cannot open ${JSON.stringify(showLocation(location))}: there is no such file or folder; give ${meant}`,
  );
}

async function placeOfUrl(url: URL, errorClass: ErrorClass): Promise<Place> {
  if (url.protocol !== "file:") return { kind: "url", url };
  const place = await placeOfPath(pathOfUrl(url), errorClass);
  if (place !== undefined) return place;
  throw new errorClass(`Cannot open ${showUrl(url)}: there is no such file or folder`);
}

async function placeOfPath(path: string, errorClass: ErrorClass): Promise<Place | undefined> {
  try {
    const kind = await kindOfPath(path);
    return kind === "nothing" ? undefined : { kind, path };
  } catch (cause) {
    // A process that may not read files can still mean the Hub.
    const doubt = `${path} can't be read here: ${messageOf(cause)}`;
    if (isRepoName(path)) return { kind: "hub", repo: { repo: path }, doubt };
    throw new errorClass(`Cannot read ${path}: ${messageOf(cause)}`, { cause });
  }
}

/** A location as messages show it. One that looks like a URL loses what may be secret. */
function showLocation(location: string): string {
  return location.includes("://") ? showUrl(location) : location;
}
