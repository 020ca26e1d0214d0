/**
 * Cuts in the form that is fastest: pre-tokenizers that do no more than cut a text where expressions match and spell
 * its bytes, as those of byte-level models do, find the words of a text in UTF-8 without an object for each.
 *
 * @module
 */

import { Automaton, NOT_FOUND } from "../regex/automaton.ts";
import { compileRegex } from "../regex/program.ts";
import type { ByteModel } from "../vocabulary/model.ts";

/** Each match of an expression is a word, and so is what lies between two, or that is left out. */
interface Cut {
  readonly regex: RegExp;
  readonly keepsRest: boolean;
}

/** What a pre-tokenizer does, if it is no more than this. */
export interface Cuts {
  /** Where it cuts; each expression sees the words that the one before leaves. */
  readonly at: readonly Cut[];
  /** Whether it spells the bytes of the words. */
  readonly spellsBytes: boolean;
}

/** The cuts of several pre-tokenizers one after another: none may cut what is spelled in bytes. */
export function joinCuts(steps: readonly (Cuts | undefined)[]): Cuts | undefined {
  const at: Cut[] = [];
  let spellsBytes = false;
  for (const step of steps) {
    if (step === undefined || spellsBytes) return undefined;
    at.push(...step.at);
    spellsBytes = step.spellsBytes;
  }
  return { at, spellsBytes };
}

/**
 * Encodes texts by cuts and a model, with the ids that come of pieces.
 *
 * @returns A function that adds the ids of a text to others, or nothing if a cut's expression is no program.
 */
export function wordEncoder({ at }: Cuts, model: ByteModel): ((text: string, ids: number[]) => void) | undefined {
  let encode: Encode | undefined = (bytes, start, end, ids) => model.encode(bytes, start, end, ids);
  for (const cut of at.toReversed()) {
    encode = encodeEach(cut, encode);
    if (encode === undefined) return undefined;
  }
  const words = encode;
  const scratch = new Uint8Array(SCRATCH);
  return (text, ids) => {
    if (3 * text.length > SCRATCH) {
      const bytes = utf8.encode(text);
      words(bytes, 0, bytes.length, ids);
    } else {
      words(scratch, 0, utf8.encodeInto(text, scratch).written, ids);
    }
  };
}

/** Adds the ids of the text between two places to others. */
type Encode = ByteModel["encode"];

/** Bytes of texts that need no memory of their own. */
const SCRATCH = 4096;

const utf8 = new TextEncoder();

/** Encodes each of the words that a cut makes. */
function encodeEach({ regex, keepsRest }: Cut, encode: Encode): Encode | undefined {
  const program = compileRegex(regex);
  if (program === undefined) return undefined;
  const automaton = new Automaton(program);
  return (bytes, start, end, ids) => {
    let done = start;
    for (let from = start; from < end;) {
      const found = automaton.match(bytes, from, end);
      if (found === NOT_FOUND) {
        from = endOfCharacter(bytes, from);
        continue;
      }
      if (keepsRest && done < from) encode(bytes, done, from, ids);
      encode(bytes, from, found, ids);
      done = from = found;
    }
    if (keepsRest && done < end) encode(bytes, done, end, ids);
  };
}

/** Bytes within a character are 10xxxxxx. */
function endOfCharacter(bytes: Uint8Array, at: number): number {
  do at++; while (((bytes[at] ?? 0) & 0xc0) === 0x80);
  return at;
}
