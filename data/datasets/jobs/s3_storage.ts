/**
 * Files in S3-compatible storage. Who may use it, and where it is, the environment says, in the names that
 * Amazon's programs have.
 *
 * @module
 */

import { ConfigError, DatasetError } from "../../../errors.ts";
import { environment } from "../../../host/permissions.ts";
import { faultOf, NoAnswer, PASSING, pause } from "../../http/http.ts";
import { showUrl } from "../../http/show_url.ts";
import { hashOf } from "../../hub/checksum.ts";
import type { JobStorage } from "./storage.ts";

/** The package, loaded by those who have such storage. */
const signing = () => import("../packages/aws4fetch.ts");

/** Tries after a first one that failed. */
const RETRIES = 5;

/** Milliseconds that an answer may take. */
const LONGEST_ANSWER = 120_000;

/** What is done by each method, in messages. */
const VERBS = { GET: "read", PUT: "write", DELETE: "remove" } as const;

/** How storage is asked. */
interface Question {
  readonly method: keyof typeof VERBS;
  /** The URL behind that of the bucket. */
  readonly path: string;
  readonly body?: Uint8Array<ArrayBuffer>;
}

/**
 * Files below a place.
 *
 * @param place As s3://bucket/prefix.
 * @param folder The folder of them in that place; without it they lie there.
 * @throws {ConfigError} If the place is none, or the environment lacks the keys.
 */
export function s3Storage(place: string, folder?: string): JobStorage {
  const [, bucket = "", begin = ""] = /^s3:\/\/([a-z0-9][a-z0-9.-]+)\/?(.*?)\/*$/.exec(place) ?? [];
  if (bucket === "") {
    throw new ConfigError(`Cannot use ${JSON.stringify(place)}: storage has a place like s3://bucket/prefix`);
  }
  const prefix = [begin, folder].map((part) => part ? `${part}/` : "").join("");
  const storage = new Bucket(bucket);
  const pathOf = (name: string) => `/${`${prefix}${name}`.split("/").map(encodeURIComponent).join("/")}`;
  const remove = async (names: readonly string[]) => {
    for (const name of names) await storage.ask({ method: "DELETE", path: pathOf(name) });
  };
  return {
    name: `s3://${bucket}/${prefix}`,
    put: async (name, bytes) => {
      await storage.ask({ method: "PUT", path: pathOf(name), body: bytes });
    },
    get: (name) => storage.ask({ method: "GET", path: pathOf(name) }),
    remove,
    clear: async () => {
      for (let names = await storage.list(prefix); names.length > 0; names = await storage.list(prefix)) {
        await remove(names);
      }
    },
  };
}

/** A bucket. */
class Bucket {
  readonly #url: string;
  readonly #keys: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
  readonly #region: string;

  constructor(name: string) {
    const [accessKeyId, secretAccessKey] = [environment("AWS_ACCESS_KEY_ID"), environment("AWS_SECRET_ACCESS_KEY")];
    if (accessKeyId === undefined || secretAccessKey === undefined) {
      throw new ConfigError(
        `Cannot use s3://${name}: the environment has no AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; set them`,
      );
    }
    const sessionToken = environment("AWS_SESSION_TOKEN");
    this.#keys = { accessKeyId, secretAccessKey, ...sessionToken === undefined ? {} : { sessionToken } };
    this.#region = environment("AWS_REGION") ?? environment("AWS_DEFAULT_REGION") ?? "us-east-1";
    const endpoint = environment("AWS_ENDPOINT_URL_S3") ?? environment("AWS_ENDPOINT_URL");
    this.#url = endpoint === undefined
      ? `https://${name}.s3.${this.#region}.amazonaws.com`
      : `${endpoint.replace(/\/+$/, "")}/${name}`;
  }

  /** The names of files with a prefix, without it; as many as the storage gives at once. */
  async list(prefix: string): Promise<string[]> {
    const bytes = await this.ask({ method: "GET", path: `?list-type=2&prefix=${encodeURIComponent(prefix)}` });
    const keys = new TextDecoder().decode(bytes).matchAll(/<Key>([^<]*)<\/Key>/g);
    // Names of a build need no escapes in XML, whatever is in the prefix.
    return Array.from(keys, ([, key = ""]) => key.slice(key.lastIndexOf("/") + 1));
  }

  /**
   * Asks until there is an answer.
   *
   * @returns What is there; nothing where there is nothing.
   * @throws {DatasetError} If the storage refuses, or gives no answer; the cause is a `NoAnswer` then.
   */
  async ask(question: Question): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const { method, path } = question;
    const what = `Cannot ${VERBS[method]} ${showUrl(`${this.#url}${path}`)}`;
    for (let failures = 1;; failures++) {
      const answer = await this.#try(question).catch(faultOf);
      let fault = `it can't be reached: ${answer}`;
      if (typeof answer !== "string") {
        const { status, bytes, code } = answer;
        if (status < 300) return bytes;
        if (status === 404 && method !== "PUT" && code !== "NoSuchBucket") return undefined;
        fault = `it answered ${status} ${code}`.trimEnd();
        if (!PASSING.includes(status)) throw new DatasetError(`${what}: ${fault}`);
      }
      if (failures > RETRIES) {
        throw new DatasetError(`${what}: ${fault} (tried ${failures} times)`, { cause: new NoAnswer(fault) });
      }
      await pause(failures, undefined, {});
    }
  }

  async #try({ method, path, body }: Question) {
    const { AwsClient } = await signing();
    const client = new AwsClient({ ...this.#keys, service: "s3", region: this.#region });
    const headers = { "x-amz-content-sha256": await hashOf(body ?? new Uint8Array()) };
    const request = await client.sign(`${this.#url}${path}`, { method, headers, ...body ? { body } : {} });
    const response = await fetch(request, { signal: AbortSignal.timeout(LONGEST_ANSWER) });
    const bytes = new Uint8Array(await response.arrayBuffer());
    const code = response.ok ? "" : /<Code>(\w+)<\/Code>/.exec(new TextDecoder().decode(bytes))?.[1] ?? "";
    return { status: response.status, bytes, code };
  }
}
