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

/** What a repository holds. The Hub keeps each kind in paths of its own. */
export type RepoKind = "model" | "dataset";

/** A repository of a kind; of models, where none is named. */
export interface RepoOfKind extends HubRepo {
  readonly kind?: RepoKind | undefined;
}

/** Whether a text has the form of a repository's name, "org/name". */
export function isRepoName(text: string): boolean {
  return /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/.test(text);
}
