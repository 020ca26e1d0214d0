/**
 * The options of whatever fetches files.
 *
 * @module
 */

import type { Progress } from "../files/byte_source.ts";
import type { DownloadOptions } from "../http/http.ts";

/**
 * Options of whatever fetches files from a hub or a URL.
 *
 * @category Data
 */
export interface HubOptions extends Omit<DownloadOptions, "authorization"> {
  /** The hub's URL. Default: the environment variable HF_ENDPOINT, else https://huggingface.co. */
  readonly host?: string | undefined;
  /**
   * An access token, for private and gated repositories. It is sent to `host`, and to no server that redirects lead to.
   * Default: the environment variable HF_TOKEN, if `host` is https://huggingface.co or HF_ENDPOINT, over https or
   * within this machine.
   */
  readonly token?: string | undefined;
  /**
   * Where copies are kept: a folder (Deno, Node), or a name in the Cache API (browsers); false keeps none. Default: the
   * folder "andromeda/hub" in XDG_CACHE_HOME or ~/.cache, or the Cache API, whichever the host has, or none. Where it
   * is full or must not be written to, files are used without being kept. Of URLs no copies are kept that have a query
   * or credentials, that an option `fetch` answers, or whose server gives neither ETag nor date.
   */
  readonly cache?: string | false | undefined;
  /**
   * The cache of Hugging Face's own programs, a folder that holds "models--org--name" and the like. What it has is
   * read and not fetched; nothing is written to it. False leaves it alone. Default: HF_HUB_CACHE, the folder "hub" in
   * HF_HOME, or "huggingface/hub" in XDG_CACHE_HOME or ~/.cache, where reading them is allowed.
   */
  readonly huggingFaceCache?: string | false | undefined;
  /** Uses copies only, and no network. */
  readonly offline?: boolean | undefined;
  /** Is called for every chunk that arrives. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}
