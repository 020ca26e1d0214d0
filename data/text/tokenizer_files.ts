/**
 * Finds and parses the files of a tokenizer.
 *
 * @module
 */

import { isRecord } from "../../common/record.ts";
import { show } from "../../common/show.ts";
import { TokenizerError } from "../../errors.ts";
import { readAll } from "../files/byte_source.ts";
import { openFileSet } from "../files/files.ts";
import type { FileSet } from "../files/files.ts";
import type { FileLocation } from "../files/place.ts";
import { whyNotJson } from "../http/html_page.ts";
import type { HubOptions } from "../hub/hub_options.ts";
import { parseTokenizerJson } from "./pipeline/long_json.ts";

/** The tokenizer that AndromedaTokenizer documents. */
export const DEFAULT_TOKENIZER = "EleutherAI/gpt-neox-20b";

/** The file of the vocabulary and all that makes tokens of a text. */
export const TOKENIZER_FILE = "tokenizer.json";

/** The file that names the special tokens. */
export const CONFIG_FILE = "tokenizer_config.json";

/**
 * A JSON file: its bytes, or its parsed contents.
 *
 * @category Data
 */
export type JsonFile = Uint8Array | Readonly<Record<string, unknown>>;

/**
 * The place of a tokenizer: "org/name" on the Hugging Face Hub, a folder, the path or URL of a tokenizer.json (its
 * tokenizer_config.json is looked for beside it), the bytes of a tokenizer.json, or both files.
 *
 * @category Data
 */
export type TokenizerSource =
  | FileLocation
  | Uint8Array
  | { readonly tokenizer: JsonFile; readonly config?: JsonFile | undefined };

/**
 * How the files of a tokenizer are fetched.
 *
 * @category Data
 */
export type TokenizerFileOptions = Omit<HubOptions, "errorClass">;

/** The parsed files of a tokenizer. */
export interface TokenizerFiles {
  /** tokenizer.json as it came. */
  readonly source: JsonFile;
  /** The same, parsed. */
  readonly tokenizer: Record<string, unknown>;
  /** tokenizer_config.json, empty where there is none. */
  readonly config: Record<string, unknown>;
  /** Whether they are where the documented default is. */
  readonly isDefault: boolean;
}

/**
 * Reads and parses the files of a tokenizer.
 *
 * @param source Where it is.
 * @param options How its files are fetched.
 * @returns The parsed files.
 * @throws {TokenizerError} If tokenizer.json is missing or can't be fetched, or a file is no JSON.
 */
export async function readTokenizerFiles(
  source: TokenizerSource,
  options: TokenizerFileOptions,
): Promise<TokenizerFiles> {
  if (source instanceof Uint8Array) return filesOf(source, {});
  if (typeof source === "object" && source !== null && "tokenizer" in source) {
    return filesOf(source.tokenizer, source.config ?? {});
  }
  if (!isLocation(source)) {
    throw new TokenizerError(
      `Cannot load a tokenizer from ${show(source)}: expected "org/name", a folder, a path, a URL, the bytes of a ` +
        `tokenizer.json or { tokenizer, config }`,
    );
  }

  const files = await openFileSet(source, { ...options, errorClass: TokenizerError });
  files.expect(0);
  const file = files.file ?? TOKENIZER_FILE;
  const tokenizer = await readJson(files, file, options.signal, parseTokenizerJson);
  if (tokenizer === undefined) {
    throw new TokenizerError(`Cannot load a tokenizer from ${files.description}: it has no ${file}`);
  }
  const config = await readJson(files, CONFIG_FILE, options.signal);
  return {
    source: tokenizer.bytes,
    tokenizer: tokenizer.json,
    config: config?.json ?? {},
    isDefault: isDefaultLocation(source),
  };
}

/** The files of a tokenizer that a caller has at hand. */
export function filesOf(tokenizer: JsonFile, config: JsonFile): TokenizerFiles {
  return {
    source: tokenizer,
    tokenizer: parseJson(tokenizer, TOKENIZER_FILE, parseTokenizerJson),
    config: parseJson(config, CONFIG_FILE),
    isDefault: false,
  };
}

/** A file's JSON. A copy of a cache that holds none is removed. */
async function readJson(
  files: FileSet,
  name: string,
  signal?: AbortSignal,
  parse?: (text: string) => unknown,
): Promise<{ bytes: Uint8Array; json: Record<string, unknown> } | undefined> {
  const source = await files.open(name);
  if (source === undefined) return undefined;
  const bytes = await readAll(source, signal);
  try {
    return { bytes, json: parseJson(bytes, name, parse) };
  } catch (error) {
    await source.discard?.();
    throw error;
  }
}

function isLocation(source: FileLocation): boolean {
  return typeof source === "string" || source instanceof URL ||
    (isRecord(source) && typeof source["repo"] === "string");
}

/** The default stays the default at any revision. */
function isDefaultLocation(source: FileLocation): boolean {
  if (source instanceof URL) return false;
  const repo = typeof source === "string" ? source.replace(/@.*/s, "") : source.repo;
  return repo === DEFAULT_TOKENIZER;
}

function parseJson(
  file: JsonFile,
  name: string,
  parse: (text: string) => unknown = JSON.parse,
): Record<string, unknown> {
  let value: unknown = file;
  if (file instanceof Uint8Array) {
    try {
      value = parse(new TextDecoder("utf-8", { fatal: true }).decode(file));
    } catch (cause) {
      throw new TokenizerError(`Cannot read ${name}: it ${whyNotJson(file)}`, { cause });
    }
  }
  if (!isRecord(value)) throw new TokenizerError(`Cannot read ${name}: expected a JSON object`);
  return value;
}
