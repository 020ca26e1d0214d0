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

  /** Clocks the next token. */
  add(token: number): void {
    this.#last = performance.now();
    if (this.tokens.length === 0) this.#first = this.#last;
    this.tokens.push(token);
  }

  /** Reading the prompt: its tokens, and the time to the first new one, or until now where none has come. */
  get prefill(): Rate {
    const end = this.tokens.length > 0 ? this.#first : performance.now();
    return rate(this.#promptLength, end - this.#start);
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
