/**
 * A hub that is written to: it makes repositories, takes commits and large files as the Hugging Face Hub does, and
 * gives back what it was given. Large files lie on another server, as they do there.
 */

import { createHash } from "node:crypto";

/** A file of a commit. */
interface Stored {
  readonly bytes: Uint8Array;
  readonly isLarge: boolean;
}

/** A state of a repository. */
interface Commit {
  readonly oid: string;
  readonly title: string;
  readonly files: ReadonlyMap<string, Stored>;
}

/** A repository. */
export interface Repository {
  readonly isPrivate: boolean | undefined;
  readonly commits: Commit[];
}

/** A request as a server saw it. */
export interface WriteRequest {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | null;
  readonly server: "hub" | "storage";
}

const decode = (base64: string) => Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const gitSha = (bytes: Uint8Array) => createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");

/** See above. */
export class WritableHub implements AsyncDisposable {
  readonly token = "hf_writes";
  /** Repositories of datasets by their names. */
  readonly repositories = new Map<string, Repository>();
  readonly requests: WriteRequest[] = [];
  /** Bytes of a part of a file that is uploaded in several. */
  partBytes = 1 << 20;
  /** Statuses that the next requests to a path are refused with. */
  readonly faults: { readonly path: RegExp; readonly status: number; readonly retryAfter?: string }[] = [];
  /** Large files by their hashes. */
  readonly #large = new Map<string, Uint8Array>();
  readonly #parts = new Map<string, Uint8Array[]>();
  readonly #hub = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    (request) => this.#serve("hub", request),
  );
  readonly #storage = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    (request) => this.#serve("storage", request),
  );

  /** Its URL. */
  get host(): string {
    return `http://127.0.0.1:${this.#hub.addr.port}`;
  }

  get #store(): string {
    return `http://127.0.0.1:${this.#storage.addr.port}`;
  }

  /** The files of a repository's last commit. */
  filesOf(name: string): ReadonlyMap<string, Stored> {
    return this.repositories.get(name)?.commits.at(-1)?.files ?? new Map();
  }

  /** Makes a repository, or commits to one, as another client would. */
  put(name: string, files: Readonly<Record<string, string>>): void {
    const repository = this.#make(name, undefined);
    const stored = Object.entries(files).map(([path, text]) =>
      [path, { bytes: new TextEncoder().encode(text), isLarge: false }] as const
    );
    this.#commit(repository, "put", new Map([...this.filesOf(name), ...stored]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#hub.shutdown(), this.#storage.shutdown()]);
  }

  #make(name: string, isPrivate: boolean | undefined): Repository {
    const repository = this.repositories.get(name) ?? { isPrivate, commits: [] };
    this.repositories.set(name, repository);
    if (repository.commits.length === 0) {
      const bytes = new TextEncoder().encode("*.parquet filter=lfs diff=lfs merge=lfs -text\n");
      this.#commit(repository, "initial commit", new Map([[".gitattributes", { bytes, isLarge: false }]]));
    }
    return repository;
  }

  #commit({ commits }: Repository, title: string, files: ReadonlyMap<string, Stored>): string {
    const oid = createHash("sha1").update(`${commits.length} ${title} ${[...files.keys()]}`).digest("hex");
    commits.push({ oid, title, files });
    return oid;
  }

  /** Lets pages of other sites in, as the Hub does. */
  async #serve(server: WriteRequest["server"], request: Request): Promise<Response> {
    const answer = request.method === "OPTIONS"
      ? new Response(null, { status: 204 })
      : await this.#take(server, request);
    answer.headers.set("access-control-allow-origin", "*");
    answer.headers.set("access-control-allow-methods", "GET, HEAD, POST, PUT");
    answer.headers.set("access-control-allow-headers", "authorization, content-type, range");
    answer.headers.set("access-control-expose-headers", "etag, link, content-range, x-repo-commit, x-error-code");
    return answer;
  }

  async #take(server: WriteRequest["server"], request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const authorization = request.headers.get("authorization");
    this.requests.push({ method: request.method, path: pathname, authorization, server });
    const index = this.faults.findIndex(({ path }) => path.test(pathname));
    if (index >= 0) {
      const [fault] = this.faults.splice(index, 1);
      await request.body?.cancel();
      const headers: HeadersInit = fault?.retryAfter === undefined ? {} : { "retry-after": fault.retryAfter };
      return new Response(null, { status: fault?.status ?? 500, headers });
    }
    if (server === "storage") return await this.#keep(request, pathname, search);
    if (request.method === "POST" && authorization !== `Bearer ${this.token}`) {
      await request.body?.cancel();
      return refused(authorization === null ? 401 : 403, "you may not write here");
    }
    return await this.#answer(request, pathname);
  }

  async #answer(request: Request, path: string): Promise<Response> {
    if (path === "/api/repos/create") {
      const { name, organization, type, private: isPrivate, visibility } = await request.json();
      if (type !== "dataset") return refused(400, `no repository of type ${type} is made here`);
      if (this.repositories.has(`${organization}/${name}`)) {
        return refused(409, "You already created this dataset repo");
      }
      this.#make(`${organization}/${name}`, visibility === undefined ? isPrivate : visibility === "private");
      return Response.json({ url: `${this.host}/datasets/${organization}/${name}`, id: `${organization}/${name}` });
    }
    const [, name = "", what = "", rest = ""] =
      /^(?:\/api)?\/datasets\/([^/]+\/[^/.]+)(?:\.git)?\/(\w+)(?:\/(.*))?$/.exec(path) ?? [];
    const repository = this.repositories.get(name);
    const head = repository?.commits.at(-1);
    if (!repository || !head) return refused(404, "Repository not found", { "x-error-code": "RepoNotFound" });
    if (what === "preupload") return await this.#preupload(request);
    if (what === "info") return await this.#batch(request);
    if (what === "commit") return await this.#takeCommit(request, repository, head, rest, name);
    const [revision = "", ...parts] = rest.split("/");
    const commit = revision === "main" ? head : repository.commits.find(({ oid }) => oid === revision);
    if (!commit) return refused(404, "Invalid rev id", { "x-error-code": "RevisionNotFound" });
    if (what === "revision") return Response.json({ id: name, sha: commit.oid, cardData: {} });
    const below = decodeURIComponent(parts.join("/"));
    if (what === "tree") {
      return Response.json(listed(commit, below, /recursive=true/i.test(new URL(request.url).search)));
    }
    const file = commit.files.get(below);
    if (!file) return refused(404, "Entry not found", { "x-error-code": "EntryNotFound" });
    const hash = file.isLarge ? sha256(file.bytes) : gitSha(file.bytes);
    const headers = {
      "x-repo-commit": commit.oid,
      "x-linked-etag": `"${hash}"`,
      "x-linked-size": String(file.bytes.length),
    };
    const location = `${this.#store}/${hash}`;
    if (file.isLarge) return new Response(null, { status: 302, headers: { ...headers, location } });
    return part(request, file.bytes, `"${hash}"`, headers);
  }

  async #preupload(request: Request): Promise<Response> {
    const { files } = await request.json();
    return Response.json({
      files: files.map(({ path }: { path: string }) => ({
        path,
        uploadMode: /\.(parquet|bin)$/.test(path) ? "lfs" : "regular",
        shouldIgnore: false,
      })),
    });
  }

  async #batch(request: Request): Promise<Response> {
    const { objects, transfers, hash_algo } = await request.json();
    if (!transfers.includes("basic") || hash_algo !== "sha_256") return refused(400, "unknown transfer");
    return Response.json({
      transfer: "basic",
      objects: objects.map(({ oid, size }: { oid: string; size: number }) => {
        if (this.#large.has(oid)) return { oid, size };
        if (size <= this.partBytes) {
          return { oid, size, actions: { upload: { href: `${this.#store}/${oid}?signature=s` } } };
        }
        const count = Math.ceil(size / this.partBytes);
        const parts = Array.from(
          { length: count },
          (_, i) => [String(i + 1).padStart(5, "0"), `${this.#store}/${oid}?part=${i}`],
        );
        const header = { chunk_size: String(this.partBytes), ...Object.fromEntries(parts) };
        return { oid, size, actions: { upload: { href: `${this.#store}/${oid}?complete`, header } } };
      }),
    });
  }

  async #keep(request: Request, path: string, search: string): Promise<Response> {
    const oid = path.slice(1);
    if (request.method === "GET") {
      const bytes = this.#large.get(oid);
      return bytes ? part(request, bytes, `"${oid}"`) : refused(404, "no such object");
    }
    if (request.headers.get("content-length") === null) return refused(411, "a length is wanted");
    const bytes = await request.bytes();
    const [, index] = /part=(\d+)/.exec(search) ?? [];
    if (index !== undefined) {
      const parts = this.#parts.get(oid) ?? [];
      parts[Number(index)] = bytes;
      this.#parts.set(oid, parts);
      return new Response(null, { headers: { etag: `"${index}"` } });
    }
    const whole = search === "?complete"
      ? await new Blob((this.#parts.get(oid) ?? []).map((each) => each.slice())).bytes()
      : bytes;
    if (sha256(whole) !== oid) return refused(400, "the hash is another");
    this.#large.set(oid, whole);
    return new Response();
  }

  async #takeCommit(
    request: Request,
    repository: Repository,
    head: Commit,
    branch: string,
    name: string,
  ): Promise<Response> {
    if (branch !== "main") return refused(404, `no branch ${branch}`);
    const files = new Map(head.files);
    let title = "";
    for (const line of (await request.text()).split("\n")) {
      const { key, value } = JSON.parse(line);
      if (key === "header") {
        title = value.summary;
        if (value.parentCommit !== head.oid) return refused(412, "A commit has happened since");
      } else if (key === "file") files.set(value.path, { bytes: decode(value.content), isLarge: false });
      else if (key === "deletedFile") files.delete(value.path);
      else {
        const bytes = this.#large.get(value.oid);
        if (!bytes || bytes.length !== value.size) return refused(400, `${value.path} was not uploaded`);
        files.set(value.path, { bytes, isLarge: true });
      }
    }
    const commitOid = this.#commit(repository, title, files);
    return Response.json({ commitOid, commitUrl: `${this.host}/datasets/${name}/commit/${commitOid}`, hookOutput: "" });
  }
}

/** The files and folders in a folder, or all below it. */
function listed({ files }: Commit, folder: string, isRecursive: boolean): unknown[] {
  const begin = folder === "" ? "" : `${folder}/`;
  const entries = new Map<string, unknown>();
  for (const [path, { bytes }] of files) {
    if (!path.startsWith(begin)) continue;
    const names = path.slice(begin.length).split("/");
    for (let depth = 1; depth <= (isRecursive ? names.length : 1); depth++) {
      const at = begin + names.slice(0, depth).join("/");
      const isFile = depth === names.length;
      entries.set(at, {
        type: isFile ? "file" : "directory",
        oid: gitSha(bytes),
        path: at,
        size: isFile ? bytes.length : 0,
      });
    }
  }
  return [...entries.values()];
}

function refused(status: number, error: string, headers: HeadersInit = {}): Response {
  return Response.json({ error }, { status, headers });
}

/** A file, or the part of it that is asked for. */
function part(
  request: Request,
  bytes: Uint8Array,
  etag: string,
  more: Readonly<Record<string, string>> = {},
): Response {
  const [, first = "", last = ""] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get("range") ?? "") ?? [];
  const headers = { ...more, etag };
  if (first === "") return new Response(bytes.slice(), { headers });
  const cut = bytes.slice(Number(first), last === "" ? undefined : Number(last) + 1);
  const range = `bytes ${first}-${Number(first) + cut.length - 1}/${bytes.length}`;
  return new Response(cut, { status: 206, headers: { ...headers, "content-range": range } });
}
