/**
 * Puts files into repositories on a hub, all of a push in one commit.
 *
 * @module
 */

import { isRecord } from "../../common/record.ts";
import { show } from "../../common/show.ts";
import { ConfigError, WeightsError } from "../../errors.ts";
import type { ByteSource, Progress } from "../files/byte_source.ts";
import { SourceBlob } from "../files/source_blob.ts";
import { anyOf, type DownloadOptions, faultOf, send } from "../http/http.ts";
import { showText } from "../http/show_url.ts";
import { type HubAddress, hubAddress } from "./hub_address.ts";
import type { HubOptions } from "./hub_options.ts";
import { isRepoName } from "./hub_repo.ts";

const publishing = () => import("../datasets/packages/hugging_face_hub.ts");

/**
 * How files are pushed to a hub.
 *
 * @category Data
 */
export interface HubPushOptions
  extends
    Pick<HubOptions, "host" | "token">,
    Pick<DownloadOptions, "fetch" | "signal" | "retries" | "retryDelay" | "stallTimeout"> {
  /**
   * Whether a repository that is made is seen by its owners alone; one that exists stays as it is. Default: as the
   * account has it.
   */
  readonly private?: boolean | undefined;
  /** The branch that is pushed to. Default "main". */
  readonly revision?: string | undefined;
  /** What the commit says. */
  readonly commitMessage?: string | undefined;
  /** Is told how far each file is. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/**
 * What was pushed.
 *
 * @category Data
 */
export interface HubPush {
  /** The commit: 40 hexadecimal digits. */
  readonly commit: string;
  /** The URL of the commit's page. */
  readonly url: string;
}

/** What a commit changes. */
export interface HubChanges {
  /** Files by their paths in the repository. */
  readonly files: ReadonlyMap<string, ByteSource>;
  /** Paths of files that are removed. */
  readonly removed: readonly string[];
  /** The commit that the changes are made to: if there is a later one by now, nothing is pushed. */
  readonly parent: string;
}

/** A repository that files are pushed to. */
export class HubTarget {
  readonly #repo: { readonly type: "dataset"; readonly name: string };
  readonly #hub: HubAddress;
  readonly #options: HubPushOptions & Pick<DownloadOptions, "errorClass">;

  /**
   * A repository; nothing is asked for yet.
   *
   * @param name "org/name".
   * @throws {ConfigError} If a name can't be one.
   * @throws {Error} If there is no token; its class is `options.errorClass`.
   */
  constructor(name: string, options: HubPushOptions & Pick<DownloadOptions, "errorClass">) {
    if (!isRepoName(name)) {
      throw new ConfigError(`Cannot push to the repository ${show(name)}: expected "org/name"`);
    }
    this.#repo = { type: "dataset", name };
    this.#hub = hubAddress(options.host, options.token);
    this.#options = options;
    if (this.#hub.authorization === undefined) {
      const { errorClass = WeightsError } = options;
      throw new errorClass(
        `Cannot push to ${name}: ${this.#hub.url} wants a token that may write; give it as token, or set HF_TOKEN`,
      );
    }
  }

  /**
   * Makes the repository, unless it exists.
   *
   * @throws {Error} If the hub refuses; its class is `options.errorClass`.
   */
  async make(): Promise<void> {
    const { createRepo } = await publishing();
    try {
      await createRepo({
        ...{ repo: this.#repo, hubUrl: this.#hub.url, fetch: this.#fetch() },
        // A token of the form that the library wants; what is sent is the hub's own.
        accessToken: "hf_",
        ...this.#options.private === undefined ? {} : { private: this.#options.private },
      });
    } catch (error) {
      // It exists, or will be found missing: who may write to a repository need not be one who may make any.
      if ([409, 403].includes(statusOf(error) ?? 0)) return;
      throw this.#refusal(error);
    }
  }

  /**
   * Makes a commit.
   *
   * @throws {Error} If a file can't be read, or the hub refuses; its class is `options.errorClass`.
   */
  async commit({ files, removed, parent }: HubChanges): Promise<HubPush> {
    const { revision: branch = "main", commitMessage = "Push dataset", signal, errorClass = WeightsError } =
      this.#options;
    const { commitIter } = await publishing();
    const uploads = new Uploads(files, this.#options.onProgress);
    try {
      const events = commitIter({
        ...{ repo: this.#repo, hubUrl: this.#hub.url, fetch: this.#fetch(), branch, title: commitMessage },
        parentCommit: parent,
        operations: [
          ...Array.from(files, ([path, source]) => ({
            operation: "addOrUpdate" as const,
            path,
            content: new SourceBlob(source, errorClass),
          })),
          ...removed.map((path) => ({ operation: "delete" as const, path })),
        ],
        // Hashes by WebCrypto, which every host has: the others need workers, or are left out of bundles for pages.
        useWebWorkers: { minSize: Infinity },
        useXet: false,
        ...signal && { abortSignal: signal },
      });
      for (;;) {
        const { done, value } = await events.next();
        if (!done) {
          if (value.event === "fileProgress" && value.state === "uploading") uploads.report(value.path, value.progress);
          continue;
        }
        uploads.finish();
        if (value) return { commit: value.commit.oid, url: value.commit.url };
        throw new errorClass(`Cannot push to ${this.#repo.name}: the hub names no commit`);
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw this.#refusal(error);
    }
  }

  /** Sends what the library asks for: the token to the hub alone, with a limit on each wait, and again if need be. */
  #fetch(): typeof fetch {
    const { origin } = new URL(this.#hub.url);
    return async (input: RequestInfo | URL, init: RequestInit = {}) => {
      const url = input instanceof Request ? input.url : String(input);
      const headers = new Headers(init.headers);
      headers.delete("authorization");
      const isOfHub = new URL(url).origin === origin;
      if (isOfHub && this.#hub.authorization !== undefined) headers.set("authorization", this.#hub.authorization);
      const body = init.body instanceof Blob ? await init.body.arrayBuffer() : init.body;
      const length = body instanceof ArrayBuffer ? body.byteLength : String(body ?? "").length;
      const { signal } = this.#options;
      return await send(url, { ...init, headers, ...body && { body } }, length, {
        ...this.#options,
        ...init.signal ? { signal: anyOf(signal, init.signal) } : {},
      });
    };
  }

  #refusal(error: unknown): Error {
    const { errorClass = WeightsError } = this.#options;
    if (error instanceof errorClass) return error;
    const status = statusOf(error);
    const advice = {
      401: "; give a token that may write to it",
      403: "; give a token that may write to it",
      404: "; check its name and its branch",
      412: "; it has changed meanwhile: push again",
    }[status ?? 0] ?? "";
    const answer = status === undefined ? "" : `the hub answered ${status}: `;
    return new errorClass(`Cannot push to ${this.#repo.name}: ${answer}${showText(faultOf(error))}${advice}`, {
      cause: error,
    });
  }
}

/** The status of an answer that the library made an error of. */
function statusOf(error: unknown): number | undefined {
  const status = isRecord(error) ? error["statusCode"] : undefined;
  return typeof status === "number" ? status : undefined;
}

/** How much of each file is there. */
class Uploads {
  readonly #files: ReadonlyMap<string, ByteSource>;
  readonly #onProgress: HubPushOptions["onProgress"];
  readonly #loaded = new Map<string, number>();
  readonly #total: number;

  constructor(files: ReadonlyMap<string, ByteSource>, onProgress: HubPushOptions["onProgress"]) {
    this.#files = files;
    this.#onProgress = onProgress;
    this.#total = [...files.values()].reduce((sum, { size = 0 }) => sum + size, 0);
  }

  /** @param share How much of a file is there, from 0 to 1. */
  report(file: string, share: number): void {
    const { size: total = 0 } = this.#files.get(file) ?? {};
    const loaded = Math.round(share * total);
    if (this.#loaded.get(file) === loaded) return;
    this.#loaded.set(file, loaded);
    const whole = { loaded: [...this.#loaded.values()].reduce((sum, bytes) => sum + bytes, 0), total: this.#total };
    this.#onProgress?.({ stage: "upload", file, loaded, total, whole });
  }

  /** Small files come with the commit. */
  finish(): void {
    for (const path of this.#files.keys()) this.report(path, 1);
  }
}
