/**
 * The keys that requests must send.
 *
 * @module
 */

import { ApiError } from "./api_error.ts";

/** Compares keys in a time that depends on neither: digests of 32 bytes, to their end. */
export class ApiKeys {
  readonly #digests: Promise<Uint8Array[]>;

  constructor(keys: readonly string[]) {
    this.#digests = Promise.all(keys.map(digest));
    this.#digests.catch(() => {}); // A host without digests fails with the first request.
  }

  /**
   * Lets a request pass that has one of the keys, as `Authorization: Bearer <key>`.
   *
   * @throws {ApiError} For any other.
   */
  async check(request: Request): Promise<void> {
    const [, given = ""] = /^Bearer +(\S+)$/i.exec(request.headers.get("authorization") ?? "") ?? [];
    const [keys, own] = [await this.#digests, await digest(given)];
    const matches = keys.map((key) => isEqual(key, own)).filter((matches) => matches).length;
    if (matches > 0 && given !== "") return;
    const message = given === ""
      ? "Cannot answer without an API key: send it as Authorization: Bearer <key>"
      : "Cannot answer: the API key is wrong";
    throw new ApiError(message, {
      status: 401,
      type: "invalid_request_error",
      code: "invalid_api_key",
      headers: { "www-authenticate": "Bearer" },
    });
  }
}

async function digest(key: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key)));
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (const [i, byte] of a.entries()) difference |= byte ^ (b[i] ?? 0);
  return difference === 0;
}
