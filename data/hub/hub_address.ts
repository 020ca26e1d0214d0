/**
 * The URLs of a hub's files, and the credentials that are sent there.
 *
 * @module
 */

import { ConfigError } from "../../errors.ts";
import { environment } from "../../host/permissions.ts";
import { basicAuthorization } from "../http/http.ts";
import { showUrl } from "../http/show_url.ts";
import { type HubRepo, isRepoName, type RepoOfKind } from "./hub_repo.ts";

/** Where the Hub is, unless `host` or the environment variable HF_ENDPOINT says otherwise. */
const DEFAULT_HOST = "https://huggingface.co";

/** A hub, and the credentials for it. */
export interface HubAddress {
  /** Its URL, without credentials and without a slash at its end. */
  readonly url: string;
  /** Whether it is https://huggingface.co or HF_ENDPOINT. */
  readonly isOwn: boolean;
  /** The `Authorization` header for it. */
  readonly authorization: string | undefined;
  /** Whether HF_TOKEN is set but belongs to another hub. */
  readonly isTokenWithheld: boolean;
}

/**
 * The hub that is meant, and the token for it. A `token` goes to the `host` that it is given with. HF_TOKEN of the
 * environment goes to the hubs that it belongs to, https://huggingface.co and HF_ENDPOINT, encrypted or within this
 * machine.
 *
 * @throws {ConfigError} If the host or the token is none.
 */
export function hubAddress(host: string | undefined, token: string | undefined): HubAddress {
  const endpoint = environment("HF_ENDPOINT");
  const base = hubUrl(host ?? endpoint ?? DEFAULT_HOST);
  const url = withoutEnd(base);
  const isOwn = url === DEFAULT_HOST ||
    (endpoint !== undefined && URL.canParse(endpoint) && url === withoutEnd(new URL(endpoint)));
  const inherited = token === undefined ? environment("HF_TOKEN") : undefined;
  const isSent = isOwn && (base.protocol === "https:" || isLoopback(base));
  const secret = checkToken(token ?? (isSent ? inherited : undefined));
  return {
    url,
    isOwn,
    authorization: secret === "" ? basicAuthorization(base) : `Bearer ${secret}`,
    isTokenWithheld: inherited !== undefined && !isSent,
  };
}

/**
 * The URL of a file: `{hub}/{org}/{name}/resolve/{revision}/{file}`, for datasets with `datasets/` before the name.
 *
 * @throws {ConfigError} If a name is not one that a hub can have.
 */
export function hubFileUrl(hub: string, { repo, revision, kind }: RepoOfKind, file: string): string {
  const [path, encoded] = [checkRepo(repo), encodeRevision(revision)];
  if (!isText(file) || file.split("/").some((part) => ["", ".", ".."].includes(part)) || /[\\?#]/.test(file)) {
    throw new ConfigError(`Cannot fetch the file ${JSON.stringify(file)}: expected the path of a file in a repository`);
  }
  return `${hub}/${kind === "dataset" ? "datasets/" : ""}${path}/resolve/${encoded}/${encodeURI(file)}`;
}

/**
 * The URL of what a hub tells of a dataset: of its revision, or of the files in it.
 *
 * @throws {ConfigError} If a name is not one that a hub can have.
 */
export function hubDatasetUrl(hub: string, { repo, revision }: HubRepo, about: "revision" | "tree"): string {
  return `${hub}/api/datasets/${checkRepo(repo)}/${about}/${encodeRevision(revision)}`;
}

function checkRepo(repo: string): string {
  if (isRepoName(repo)) return repo;
  throw new ConfigError(`Cannot fetch from the repository ${JSON.stringify(repo)}: expected "org/name"`);
}

function encodeRevision(revision = "main"): string {
  if (isText(revision) && !["", ".", ".."].includes(revision)) return encodeURIComponent(revision);
  throw new ConfigError(`Cannot fetch the revision ${JSON.stringify(revision)}: expected a branch, a tag or a commit`);
}

function isText(text: unknown): boolean {
  return typeof text === "string" && !/\p{Surrogate}/u.test(text);
}

function hubUrl(host: string): URL {
  const url = /^https?:\/\//.test(host) && URL.canParse(host) ? new URL(host) : undefined;
  if (url !== undefined && url.search === "" && url.hash === "") return url;
  throw new ConfigError(
    `Cannot use the host ${JSON.stringify(showUrl(host))}: expected a URL of a hub, such as ${DEFAULT_HOST}`,
  );
}

function withoutEnd({ origin, pathname }: URL): string {
  return origin + pathname.replace(/\/+$/, "");
}

/** Whether what is sent to a URL stays on this machine. */
function isLoopback({ hostname }: URL): boolean {
  return /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

/** A token as a header carries it, empty if there is none. Files and variables often end it with a line break. */
function checkToken(token: string | undefined): string {
  if (token === undefined) return "";
  if (typeof token === "string" && /^[\x20-\x7e]*$/.test(token.trim())) return token.trim();
  throw new ConfigError("Cannot use the `token` given, or HF_TOKEN: expected ASCII letters, digits and signs");
}
