/**
 * The texts of single tokens, as they are within a text.
 *
 * @module
 */

import type { AndromedaTokenizer } from "../../data/text/tokenizer.ts";
import { TokenizerError } from "../../errors.ts";

/** Texts by token id, each decoded once. */
export class TokenTexts {
  readonly #tokenizer: AndromedaTokenizer;
  readonly #texts = new Map<number, string>();
  /** A token that comes before: some tokenizers leave out the space at the beginning of a text. */
  readonly #before: readonly number[];

  constructor(tokenizer: AndromedaTokenizer) {
    this.#tokenizer = tokenizer;
    this.#before = tokenizer.encode("a", { addSpecialTokens: false });
  }

  /** The text of a token; one of half a character is spelled as the vocabulary does. */
  textOf(token: number): string {
    const known = this.#texts.get(token);
    if (known !== undefined) return known;
    const text = this.#decode(token);
    this.#texts.set(token, text);
    return text;
  }

  #decode(token: number): string {
    const decoder = this.#tokenizer.decoder();
    for (const id of this.#before) decoder.push(id);
    try {
      const text = decoder.push(token) + decoder.end();
      return text.includes("\ufffd") ? this.#tokenizer.tokenOf(token) : text;
    } catch (error) {
      // A model may have more tokens than its tokenizer.
      if (error instanceof TokenizerError) return `<${token}>`;
      throw error;
    }
  }
}
