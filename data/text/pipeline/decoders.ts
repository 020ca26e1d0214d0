/**
 * Decoders: from tokens to text. Each is a stage that takes tokens one by one and passes on what they become, so that
 * a stream of tokens gives the text that all of them at once give.
 *
 * @module
 */

import { readPattern } from "../regex/patterns.ts";
import { byteOfToken } from "../vocabulary/byte_fallback.ts";
import { bytesOfToken } from "./byte_level.ts";
import { readPrependScheme } from "./pre_tokenizers.ts";
import type { Section } from "./section.ts";

/** Takes tokens one by one, and then their end. */
export interface Stage {
  push(token: string): void;
  end(): void;
}

/** Puts a stage before another one. */
export type Decoder = (next: Stage) => Stage;

/** Reads a decoder. */
export function readDecoder(section: Section): Decoder {
  const stages: Decoder[] = [];
  // After Fuse and ByteLevel there is one token, which comes in parts.
  let isFused = false;
  for (const part of flattened(section)) {
    if (isFused && part.type === "Fuse") continue;
    const strips: boolean = isFused && part.type === "Strip";
    if (isFused && !strips) stages.push(gather);
    stages.push(strips ? stripWhole(part) : readStage(part));
    isFused = strips || part.type === "Fuse" || part.type === "ByteLevel";
  }
  return (last) => stages.reduceRight((next, stage) => stage(next), last);
}

/** Without a decoder, tokens stand side by side with spaces between them. */
export const joinWithSpaces: Decoder = each((token, index) => index === 0 ? token : ` ${token}`);

function flattened(section: Section): Section[] {
  return section.type === "Sequence" ? section.sections("decoders").flatMap(flattened) : [section];
}

function readStage(section: Section): Decoder {
  switch (section.type) {
    case "ByteLevel":
      return byteLevel();
    case "Fuse":
      return each((token) => token);
    case "ByteFallback":
      return byteFallback;
    case "Metaspace":
      return metaspace(section);
    case "WordPiece":
      return wordPiece(section);
    case "BPEDecoder":
      return bpe(section.string("suffix"));
    case "CTC":
      return ctc(section);
    case "Strip":
      return strip(section);
    case "Replace":
      return replace(section);
    default:
      throw section.unknownType();
  }
}

/** A stage that changes tokens one by one. */
function each(change: (token: string, index: number) => string): Decoder {
  return (next) => {
    let index = 0;
    return { push: (token) => next.push(change(token, index++)), end: () => next.end() };
  };
}

/** Makes one token of all, for stages that need it whole. */
const gather: Decoder = (next) => {
  let whole = "";
  return {
    push: (token) => {
      whole += token;
    },
    end: () => {
      next.push(whole);
      next.end();
    },
  };
};

/** The spelling of a token of a byte-level vocabulary. */
interface Spelled {
  readonly bytes: Uint8Array;
  /** The text, if it is ASCII. */
  readonly ascii: string | undefined;
}

/** The number of tokens whose spellings are remembered. */
const REMEMBERED = 20_000;

/** The host's decoder of UTF-8 keeps what is not yet a character. A byte-order mark is text like any other. */
function byteLevel(): Decoder {
  const known = new Map<string, Spelled>();
  const spelledBy = (token: string): Spelled => {
    const bytes = bytesOfToken(token);
    const isAscii = bytes.every((byte) => byte < 0x80);
    const spelled = { bytes, ascii: isAscii ? new TextDecoder().decode(bytes) : undefined };
    if (known.size < REMEMBERED) known.set(token, spelled);
    return spelled;
  };
  return (next) => {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    let isPending = false;
    return {
      push: (token) => {
        const { bytes, ascii } = known.get(token) ?? spelledBy(token);
        // Most tokens are ASCII, and asking the host's decoder takes ten times as long as the rest.
        const isPlain = ascii !== undefined && !isPending;
        if (!isPlain) isPending = endsWithin(bytes, isPending);
        next.push(isPlain ? ascii : decoder.decode(bytes, { stream: true }));
      },
      end: () => {
        next.push(decoder.decode());
        next.end();
      },
    };
  };
}

/** Whether bytes may end within a character. */
function endsWithin(bytes: Uint8Array, before: boolean): boolean {
  const last = bytes.at(-1);
  return last === undefined ? before : last >= 0x80;
}

/**
 * Bytes side by side are text if all of them together are UTF-8, and else U+FFFD for each. So they are held back until
 * the last of them.
 */
const byteFallback: Decoder = (next) => {
  let bytes: number[] = [];
  const flush = (): void => {
    for (const token of textOfBytes(bytes)) next.push(token);
    bytes = [];
  };
  return {
    push: (token) => {
      const byte = byteOfToken(token);
      if (byte !== undefined) {
        bytes.push(byte);
        return;
      }
      flush();
      next.push(token);
    },
    end: () => {
      flush();
      next.end();
    },
  };
};

function textOfBytes(bytes: readonly number[]): string[] {
  if (bytes.length === 0) return [];
  try {
    return [new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes))];
  } catch {
    return bytes.map(() => "\ufffd");
  }
}

/** Spaces, except at the beginning. */
function metaspace(section: Section): Decoder {
  const replacement = section.character("replacement");
  const isDropped = readPrependScheme(section) !== "never";
  return each((token, index) => token.replaceAll(replacement, index === 0 && isDropped ? "" : " "));
}

function wordPiece(section: Section): Decoder {
  const prefix = section.string("prefix");
  const cleans = section.boolean("cleanup");
  return each((token, index) => {
    const spaced = index === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
    return cleans ? cleanUp(spaced) : spaced;
  });
}

/** Replacements that remove spaces, in this order. */
const CLOSER: readonly (readonly [string, string])[] = [
  [" .", "."],
  [" ?", "?"],
  [" !", "!"],
  [" ,", ","],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [" do not", " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];

function cleanUp(text: string): string {
  return CLOSER.reduce((cleaner, [apart, together]) => cleaner.replaceAll(apart, together), text);
}

/**
 * The end of a word becomes a space, except at the end of the text. So a token is held back until the next one comes.
 */
function bpe(suffix: string): Decoder {
  return (next) => {
    let waiting: string | undefined;
    const flush = (replacement: string): void => {
      if (waiting !== undefined) next.push(replaceText(waiting, suffix, replacement));
    };
    return {
      push: (token) => {
        flush(" ");
        waiting = token;
      },
      end: () => {
        flush("");
        next.end();
      },
    };
  };
}

/** A token that comes several times in a row counts once. */
function ctc(section: Section): Decoder {
  const pad = section.string("pad_token");
  const delimiter = section.string("word_delimiter_token");
  const cleans = section.boolean("cleanup");
  return (next) => {
    let last: string | undefined;
    return {
      push: (token) => {
        if (token === last) return;
        last = token;
        const bare = replaceText(token, pad, "");
        const text = cleans ? replaceText(cleanUp(bare), delimiter, " ") : bare;
        if (text !== "") next.push(text);
      },
      end: () => next.end(),
    };
  };
}

/** Replaces a text wherever it stands. The empty text stands between all characters. */
function replaceText(text: string, sought: string, replacement: string): string {
  if (sought !== "") return text.replaceAll(sought, () => replacement);
  return replacement + [...text].map((character) => character + replacement).join("");
}

function replace(section: Section): Decoder {
  const pattern = readPattern(section);
  const content = section.string("content");
  return each((token) =>
    pattern(token).map(({ start, end, isMatch }) => isMatch ? content : token.slice(start, end)).join("")
  );
}

function strip(section: Section): Decoder {
  const { content, start, stop } = readStrip(section);
  return each((token) => {
    const characters = [...token];
    const first = countWhile(characters, start, content);
    const last = characters.length - countWhile(characters.toReversed(), stop, content);
    return characters.slice(first, last).join("");
  });
}

/** Strips one token that comes in parts. */
function stripWhole(section: Section): Decoder {
  const { content, start, stop } = readStrip(section);
  return (next) => {
    let left = start; // characters that may still be stripped
    let held = ""; // these may belong to the end
    return {
      push: (part) => {
        let text = part;
        if (left > 0 && text !== "") {
          const characters = [...text];
          const count = countWhile(characters, left, content);
          left = count === characters.length ? left - count : 0;
          text = characters.slice(count).join("");
        }
        const characters = [...held + text];
        const kept = countWhile(characters.toReversed(), stop, content);
        held = characters.slice(characters.length - kept).join("");
        next.push(characters.slice(0, characters.length - kept).join(""));
      },
      end: () => next.end(),
    };
  };
}

function readStrip(section: Section): { content: string; start: number; stop: number } {
  return { content: section.character("content"), start: section.count("start"), stop: section.count("stop") };
}

/** How many characters at the beginning are this one, up to a limit. */
function countWhile(characters: readonly string[], limit: number, content: string): number {
  let count = 0;
  while (count < limit && characters[count] === content) count++;
  return count;
}
