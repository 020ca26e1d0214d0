/**
 * What calls that take texts need of a tokenizer.
 *
 * @module
 */

import { ConfigError } from "../../../errors.ts";

/**
 * Makes token ids of texts and texts of token ids. `AndromedaTokenizer` is one; an object around another library's
 * tokenizer may be one too.
 *
 * @category Generation
 */
export interface TextTokenizer {
  /** The token that ends a text, if there is one. */
  readonly eosId?: number | undefined;
  /** The token ids of a text, with the special tokens that a model expects around it. */
  encode(text: string): readonly number[];
  /**
   * Takes token ids one by one. `push` gives the text that is certain by then, without half characters, and throws a
   * TokenizerError where no token has the id; `end` gives what was held back.
   */
  decoder(options: { readonly skipSpecialTokens: boolean }): { push(id: number): string; end(): string };
}

/**
 * The token ids of a text.
 *
 * @throws {ConfigError} For ids that the model lacks.
 */
export function encodeText(
  tokenizer: Pick<TextTokenizer, "encode">,
  text: string,
  numTokens: number,
): readonly number[] {
  const ids = tokenizer.encode(text);
  const foreign = ids.find((id) => id >= numTokens);
  if (foreign === undefined) return ids;
  throw new ConfigError(
    `Cannot use the tokenizer with this model: it gives the token id ${foreign}, and numTokens = ${numTokens}; give ` +
      "the tokenizer that belongs to the model",
  );
}
