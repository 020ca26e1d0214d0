/**
 * The entries of a model.
 *
 * @module
 */

import { isRecord, isTokenId, shown } from "./section.ts";
import type { Section } from "./section.ts";

/** Tokens and their ids. */
export class Vocabulary {
  readonly #ids: ReadonlyMap<string, number>;
  readonly #tokens: readonly (string | undefined)[];
  /** How many entries there are. Rust gives added tokens the ids from here on. */
  readonly size: number;

  /**
   * @param ids The id of each token.
   * @param tokens The token of each id.
   * @param size How many entries there are.
   */
  constructor(ids: ReadonlyMap<string, number>, tokens: readonly (string | undefined)[], size: number) {
    this.#ids = ids;
    this.#tokens = tokens;
    this.size = size;
  }

  /** All ids are below this. */
  get limit(): number {
    return this.#tokens.length;
  }

  /** The id of a token. */
  idOf(token: string): number | undefined {
    return this.#ids.get(token);
  }

  /** The token of an id. */
  tokenOf(id: number): string | undefined {
    return this.#tokens[id];
  }

  /** All tokens with their ids. */
  entries(): Iterable<[string, number]> {
    return this.#ids.entries();
  }
}

/** Reads a vocabulary of the form { "token": id }. */
export function readVocabulary(section: Section): Vocabulary {
  const listed = section.value("vocab");
  if (!isRecord(listed)) throw section.refuse(`${section.path}.vocab must be an object of tokens and their ids`);
  const ids = new Map<string, number>();
  const tokens: (string | undefined)[] = [];
  const values = Object.values(listed); // with the keys this is faster than entries() or a lookup for each
  Object.keys(listed).forEach((token, index) => {
    const id = values[index];
    if (!isTokenId(id)) {
      throw section.refuse(
        `the id of ${shown(token)} must be a whole number, 0 or more and below 2³¹, got ${shown(id)}`,
      );
    }
    ids.set(token, id);
    tokens[id] = token;
  });
  return new Vocabulary(ids, tokens, ids.size);
}
