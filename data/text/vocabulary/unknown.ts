/**
 * The token for texts that are in no token of the vocabulary.
 *
 * @module
 */

import { show } from "../../../common/show.ts";
import { TokenizerError } from "../../../errors.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** The id of the unknown token, asked for when it is needed: a file may name one that it lacks. */
export function unknownToken(vocabulary: Vocabulary, token: string): () => number {
  return () => {
    const id = vocabulary.idOf(token);
    if (id !== undefined) return id;
    throw new TokenizerError(
      `Cannot encode a text: a part of it is in no token, and the vocabulary lacks the unknown token ` +
        `${show(token)} that the tokenizer names; add it to the vocabulary`,
    );
  };
}
