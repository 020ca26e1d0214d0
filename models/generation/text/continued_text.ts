/**
 * What tokens add to the text of a prompt, piece by piece.
 *
 * @module
 */

import { TokenizerError } from "../../../errors.ts";
import { StopStrings } from "./stop_strings.ts";
import type { TextTokenizer } from "./text_tokenizer.ts";

/**
 * Why a text has ended: "stop" at an end token or a stop string, "length" where it has as many tokens as were asked for
 * or as fit.
 *
 * @category Generation
 */
export type FinishReason = "stop" | "length";

/** The text that continues a prompt, up to a stop string. */
export class ContinuedText {
  readonly #decoder: Decoder;
  readonly #stops: StopStrings;
  /** Characters to come that belong to the prompt. */
  #ofPrompt: number;
  #length = 0;

  /**
   * The decoder gets the prompt first, because some tokenizers spell a space at the beginning of a text otherwise than
   * within.
   *
   * @param prompt Its token ids.
   * @param stops Strings that end the text, none empty.
   */
  constructor(tokenizer: TextTokenizer, prompt: readonly number[], stops: readonly string[]) {
    const read = (): Decoder => {
      const decoder = tokenizer.decoder({ skipSpecialTokens: true });
      for (const id of prompt) decode(decoder, id);
      return decoder;
    };
    this.#decoder = read();
    this.#stops = new StopStrings(stops);
    // A decoder may hold back the prompt's last characters. Half of one becomes whole in the text that follows.
    const held = read().end();
    this.#ofPrompt = held.includes("\ufffd") ? 0 : held.length;
  }

  /** Characters of the text so far, those that are held back too. */
  get length(): number {
    return this.#length;
  }

  /** Whether a stop string was found: the text is over. */
  get isStopped(): boolean {
    return this.#stops.isFound;
  }

  /** Takes the next token, and gives the text that is certain by now. */
  push(token: number): string {
    return this.#take(decode(this.#decoder, token));
  }

  /** Ends the text, and gives what was held back. */
  end(): string {
    return this.#take(this.#decoder.end()) + this.#stops.end();
  }

  /** Takes what the decoder gives, and gives what no stop string can begin in. */
  #take(decoded: string): string {
    const text = decoded.slice(this.#ofPrompt);
    this.#ofPrompt = Math.max(0, this.#ofPrompt - decoded.length);
    this.#length += text.length;
    return this.#stops.push(text);
  }
}

type Decoder = ReturnType<TextTokenizer["decoder"]>;

/** The text of the next token, nothing where it has none: a model may have more tokens than its tokenizer. */
function decode(decoder: Decoder, token: number): string {
  try {
    return decoder.push(token);
  } catch (error) {
    if (error instanceof TokenizerError) return "";
    throw error;
  }
}
