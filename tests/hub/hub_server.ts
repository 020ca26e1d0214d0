/**
 * A server that speaks the Hub's paths, over plain TCP so that it can misbehave as no HTTP library would let it: cut
 * connections, announce wrong lengths, fall silent, compress.
 */

import { createHash } from "node:crypto";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";

/** The fault with which one request is answered. */
export interface Fault {
  /** Answers with this status and no file. */
  readonly status?: number | undefined;
  /** Headers on top. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Closes the connection after so many bytes of the body. */
  readonly cutAfter?: number | undefined;
  /** Falls silent after so many bytes of the body, until the client goes. */
  readonly stallAfter?: number | undefined;
  /**
   * Announces so many bytes more than there are (fewer if negative), as the length and as that of the whole of a range.
   */
  readonly announce?: number | undefined;
  /** Closes the connection without an answer. */
  readonly hangUp?: boolean | undefined;
  /** Sends this in place of what was asked for. */
  readonly body?: Uint8Array | undefined;
  /** Compresses what it sends, asked or not, and says so. */
  readonly coding?: keyof typeof coders | undefined;
  /** Sends no length; the end of the connection ends the body. */
  readonly withoutLength?: boolean | undefined;
  /** Sends no length but the body in chunks, of which an empty one is the last. */
  readonly chunked?: boolean | undefined;
}

/** A request as the server saw it, header names in lower case. */
export interface SeenRequest {
  readonly path: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly status: number;
}

/** A file that the server has. */
export interface ServedFile {
  readonly bytes: Uint8Array;
  /** Default: one that changes with the bytes. Null: none. */
  readonly etag?: string | null;
  /** The URL of the file elsewhere: the request is redirected there. */
  readonly redirect?: string;
  /** Headers of that redirect, or of the file. */
  readonly headers?: Readonly<Record<string, string>>;
}

const coders = {
  gzip: gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
  // A coding that nobody knows.
  lzma: (bytes: Uint8Array) => bytes.toReversed(),
};

/** See above. */
export class HubServer {
  /** Files by path, such as "/org/name/resolve/main/config.json". */
  readonly files = new Map<string, ServedFile>();
  /** Faults of the next requests, in turn; undefined for a request that goes well. */
  readonly faults: (Fault | undefined)[] = [];
  /** The fault of requests for which `faults` has none. */
  always: Fault = {};
  /** The requests so far. */
  readonly requests: SeenRequest[] = [];
  /** Token that is asked for. */
  token: string | undefined;
  /** Whether it understands Range and conditions. */
  isSimple = false;
  /** Sends the body in pieces of this size, with a pause after each. */
  pieceSize = Infinity;
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #connections = new Set<Promise<void>>();
  readonly #open = new Set<Deno.TcpConn>();
  #isClosed = false;

  constructor() {
    this.#accept();
  }

  /** Its URL. */
  get host(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}`;
  }

  /** Adds a file of the repository "org/name". */
  add(file: string, bytes: Uint8Array, options: Omit<ServedFile, "bytes"> = {}, revision = "main"): void {
    this.files.set(`/org/name/resolve/${revision}/${file}`, { bytes, ...options });
  }

  /** The statuses of the requests so far, which are forgotten then. */
  takeStatuses(): number[] {
    return this.requests.splice(0).map(({ status }) => status);
  }

  /** Ends it, and waits for its open requests. A second call does nothing. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listener.close();
    for (const connection of this.#open) {
      this.#open.delete(connection);
      connection.close();
    }
    await Promise.all(this.#connections);
  }

  async #accept(): Promise<void> {
    while (true) {
      const connection = await this.#listener.accept().catch(() => undefined);
      if (connection === undefined) return;
      this.#open.add(connection);
      const served = this.#serve(connection).catch(() => {}).finally(() => {
        this.#connections.delete(served);
        if (this.#open.delete(connection)) connection.close();
      });
      this.#connections.add(served);
    }
  }

  async #serve(connection: Deno.TcpConn): Promise<void> {
    const request = await readRequest(connection);
    if (request === undefined) return;
    const fault = this.faults.shift() ?? this.always;
    const answer = this.#answer(request.path, request.headers, fault);
    const { status, headers } = answer;
    const body = fault.coding === undefined || status >= 300 ? answer.body : coders[fault.coding](answer.body);
    if (body !== answer.body) headers["content-encoding"] = fault.coding ?? "";
    this.requests.push({ ...request, status: fault.hangUp ? 0 : status });
    if (fault.hangUp) return;
    const length = body.length + (fault.announce ?? 0);
    const lines = [`HTTP/1.1 ${status} Whatever`, "connection: close"];
    if (status !== 304 && !fault.withoutLength && !fault.chunked) lines.push(`content-length: ${length}`);
    if (fault.chunked) lines.push("transfer-encoding: chunked");
    for (const [name, value] of Object.entries({ ...headers, ...fault.headers })) lines.push(`${name}: ${value}`);
    await writeAll(connection, new TextEncoder().encode(lines.join("\r\n") + "\r\n\r\n"));
    const framed = fault.chunked ? inChunks(body) : body;
    const sent = framed.subarray(0, fault.cutAfter ?? fault.stallAfter ?? framed.length);
    for (let start = 0; start < sent.length; start += this.pieceSize) {
      await writeAll(connection, sent.subarray(start, start + this.pieceSize));
      if (this.pieceSize !== Infinity) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    // The client has closed the connection.
    if (fault.stallAfter !== undefined) await connection.read(new Uint8Array(1));
  }

  #answer(path: string, asked: ReadonlyMap<string, string>, fault: Fault) {
    const nothing = (status: number, headers: Record<string, string> = {}) => ({
      status,
      headers,
      body: new Uint8Array(0),
    });
    if (fault.status !== undefined) return { ...nothing(fault.status), body: fault.body ?? new Uint8Array(0) };
    if (this.token !== undefined && asked.get("authorization") !== `Bearer ${this.token}`) return nothing(401);
    if (fault.body !== undefined) return { status: 200, headers: {}, body: fault.body };
    const file = this.files.get(path);
    if (file === undefined) return nothing(404, { "x-error-code": "EntryNotFound" });
    if (file.redirect !== undefined) return nothing(302, { location: file.redirect, ...file.headers });
    const etag = file.etag === undefined ? `"${hashOf(file.bytes)}"` : file.etag;
    const headers: Record<string, string> = { ...file.headers, ...etag !== null && { etag } };
    const whole = { status: 200, headers, body: file.bytes };
    if (this.isSimple) return whole;
    if (etag !== null && asked.get("if-none-match") === etag) return nothing(304, headers);
    const range = /^bytes=(\d+)-(\d*)$/.exec(asked.get("range") ?? "");
    if (range === null || (asked.get("if-range") ?? etag) !== etag) return whole;
    const from = Number(range[1]);
    const size = file.bytes.length;
    const end = range[2] ? Number(range[2]) + 1 : size;
    if (from >= size) return nothing(416, { ...headers, "content-range": `bytes */${size}` });
    headers["content-range"] = `bytes ${from}-${end - 1}/${size + (fault.announce ?? 0)}`;
    return { status: 206, headers, body: file.bytes.subarray(from, end) };
  }
}

/** The ETag that the Hub gives large files: their SHA-256. */
export function tagOfLargeFile(bytes: Uint8Array): string {
  return `"${createHash("sha256").update(bytes).digest("hex")}"`;
}

/** The ETag that the Hub gives small files: git's name of the content. */
export function tagOfSmallFile(bytes: Uint8Array): string {
  return `"${createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex")}"`;
}

async function readRequest(
  connection: Deno.TcpConn,
): Promise<{ path: string; headers: Map<string, string> } | undefined> {
  let text = "";
  const piece = new Uint8Array(4096);
  while (!text.includes("\r\n\r\n")) {
    const count = await connection.read(piece);
    if (count === null) return undefined;
    text += new TextDecoder().decode(piece.subarray(0, count));
  }
  const [first = "", ...lines] = text.split("\r\n\r\n")[0]!.split("\r\n");
  const headers = lines.map((line) => /^([^:]*):\s*(.*)$/.exec(line)!).map(([, name, value]) =>
    [name!.toLowerCase(), value!] as const
  );
  return { path: first.split(" ")[1]!, headers: new Map(headers) };
}

/** A body as "transfer-encoding: chunked" has it, in two chunks and the last one. */
function inChunks(body: Uint8Array): Uint8Array {
  const text = (part: string) => new TextEncoder().encode(part);
  const chunk = (bytes: Uint8Array) => [...text(`${bytes.length.toString(16)}\r\n`), ...bytes, ...text("\r\n")];
  const halves = [body.subarray(0, body.length / 2), body.subarray(body.length / 2)].filter(({ length }) => length > 0);
  return Uint8Array.from([...halves.flatMap(chunk), ...text("0\r\n\r\n")]);
}

async function writeAll(connection: Deno.TcpConn, bytes: Uint8Array): Promise<void> {
  for (let start = 0; start < bytes.length;) start += await connection.write(bytes.subarray(start));
}

const hashes = new WeakMap<Uint8Array, string>();

function hashOf(bytes: Uint8Array): string {
  const known = hashes.get(bytes);
  if (known !== undefined) return known;
  let hash = bytes.length;
  for (let i = 0; i < bytes.length; i++) hash = (Math.imul(hash, 31) + bytes[i]!) >>> 0;
  const text = hash.toString(16);
  hashes.set(bytes, text);
  return text;
}

const noises = new Map<string, Uint8Array>();

/** Bytes without a pattern, the same ones every time. */
export function noise(length: number, seed = 1): Uint8Array {
  const key = `${length} ${seed}`;
  const known = noises.get(key);
  if (known !== undefined) return known;
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  noises.set(key, bytes);
  return bytes;
}
