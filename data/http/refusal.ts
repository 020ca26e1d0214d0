/**
 * Reads why a server does not give a file, and turns it into an error for the caller.
 *
 * @module
 */

import type { ErrorClass } from "../files/byte_source.ts";
import { statusOf } from "./http.ts";
import { showText, showUrl } from "./show_url.ts";

/** An answer that is no file. */
export interface Refusal {
  /** Tells it from the other answers. */
  readonly kind: "refusal";
  /** Status and its text, such as "404 Not Found". */
  readonly status: string;
  /** The thing that is missing, or the reason why the file is not given. Only a hub tells the first three apart. */
  readonly reason: "no repository" | "no revision" | "no file" | "gated" | "disabled" | "not allowed" | "failure";
  /** The server's own words, or nothing. */
  readonly words: string;
}

/** Reads a refusal, and ends its answer. */
export async function refusalOf(response: Response): Promise<Refusal> {
  await response.body?.cancel();
  const said = response.headers.get("x-error-message") ?? "";
  // deno-lint-ignore no-control-regex
  const words = showText(said.replace(/[\x00-\x1f\x7f]+/g, " ")).trim().slice(0, 200);
  return { kind: "refusal", status: statusOf(response), reason: reasonOf(response, said), words };
}

/** Makes the error that says what a server refused and what may help, followed by `hint`. */
export function refusalError(
  url: string,
  { status, reason, words }: Refusal,
  errorClass: ErrorClass,
  hint = "",
): Error {
  const advice = {
    "no repository":
      "there is no such repository, or it is private; check its name, or give a `token` that may read it",
    "no revision": "the repository has no such revision; name a branch, a tag or a commit",
    "no file": "there is no such file",
    "gated": "the repository is gated; accept its terms on its page, and give a `token` of that account",
    "disabled": "access to the repository is disabled",
    "not allowed": "it does not exist, or it is private or gated; give a `token` that may read it",
    "failure": "",
  }[reason];
  const because = advice === "" ? "" : `, because ${advice}`;
  const quoted = words === "" ? "" : ` (it says ${JSON.stringify(words)})`;
  return new errorClass(`Cannot fetch ${showUrl(url)}: the server answered ${status}${because}${hint}${quoted}`);
}

/**
 * The Hub's codes (https://huggingface.co/docs/huggingface_hub/package_reference/utilities), then the meaning of
 * statuses.
 */
function reasonOf({ status, headers }: Response, said: string): Refusal["reason"] {
  const code = headers.get("x-error-code");
  if (code === "RepoNotFound") return "no repository";
  if (code === "RevisionNotFound") return "no revision";
  if (code === "EntryNotFound") return "no file";
  if (code === "GatedRepo") return "gated";
  if (said === "Access to this resource is disabled.") return "disabled";
  if (status === 404 || status === 410) return "no file";
  return status === 401 || status === 403 ? "not allowed" : "failure";
}
