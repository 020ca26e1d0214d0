/**
 * How fast tokens come.
 *
 * @module
 */

/** Tokens, and the time they took. */
export interface Rate {
  readonly tokens: number;
  readonly milliseconds: number;
  readonly tokensPerSecond: number;
}

/** Clocks a generation: the prompt up to the first token (prefill), then each further token (decode). */
export class Timing {
  /** The tokens so far. */
  readonly tokens: number[] = [];
  readonly #promptLength: number;
  readonly #start = performance.now();
  #first = this.#start;
  #last = this.#start;

  /** @param promptLength Tokens of the prompt that are read. */
  constructor(promptLength: number) {
    this.#promptLength = promptLength;
  }

  /** The same tokens, clocked. */
  async *count(tokens: AsyncIterable<number>): AsyncGenerator<number> {
    for await (const token of tokens) {
      this.#last = performance.now();
      if (this.tokens.length === 0) this.#first = this.#last;
      this.tokens.push(token);
      yield token;
    }
    if (this.tokens.length === 0) this.#first = this.#last = performance.now();
  }

  /** Reading the prompt: its tokens, and the time to the first new one, or to the end where none comes. */
  get prefill(): Rate {
    return rate(this.#promptLength, this.#first - this.#start);
  }

  /** Writing: the tokens after the first. */
  get decode(): Rate {
    return rate(Math.max(0, this.tokens.length - 1), this.#last - this.#first);
  }

  /** Both, in a line. */
  summary(): string {
    const { prefill, decode } = this;
    const line = ({ tokens, tokensPerSecond }: Rate) => `${tokens} tokens at ${tokensPerSecond.toFixed(0)} tokens/s`;
    return `prompt: ${line(prefill)}, text: ${line(decode)}`;
  }
}

function rate(tokens: number, milliseconds: number): Rate {
  return { tokens, milliseconds, tokensPerSecond: milliseconds > 0 ? tokens / milliseconds * 1000 : 0 };
}
