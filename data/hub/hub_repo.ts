/**
 * The names of repositories on a hub.
 *
 * @module
 */

/**
 * A repository.
 *
 * @category Data
 */
export interface HubRepo {
  /** "org/name". */
  readonly repo: string;
  /** A branch, tag or commit. Default "main". */
  readonly revision?: string | undefined;
}

/** Whether a text has the form of a repository's name, "org/name". */
export function isRepoName(text: string): boolean {
  return /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/.test(text);
}
