/**
 * The list of recorded commands; `kernels/run.ts` says how it is laid out.
 *
 * @module
 */
import type { Kernel } from "./kernel_id.ts";
import { LIST_WORDS } from "./layout.ts";
import { recordWord } from "./work.ts";

/** Runs the records in these words, of whose work, as `work.ts` counts it, so much can be shared by several threads. */
export type RunList = (words: Int32Array<ArrayBuffer>, sharedWork: number) => void;

/** Records of kernel calls that wait to be run, in order. The list runs by itself when full. */
export class CommandList {
  readonly #run: RunList;
  readonly #words = new Int32Array(LIST_WORDS);
  /** The same memory, for data that are floats. */
  readonly #floats = new Float32Array(this.#words.buffer);
  /** Words written. */
  #length = 0;
  #sharedWork = 0;

  constructor(run: RunList) {
    this.#run = run;
  }

  /**
   * Appends a record; a float goes in as `floatBits` of it.
   *
   * @param work How much there is to do, as `work.ts` counts it.
   */
  push(kernel: Kernel, args: readonly number[], work: number): void {
    const word = recordWord(kernel, work);
    let at = this.#reserve(word, args.length);
    // Sooner than `set` takes a few numbers from a list.
    for (const arg of args) this.#words[at++] = arg;
    if (word !== kernel) this.#sharedWork += work;
  }

  /** Appends a record whose last arguments are the bytes of `data`. */
  pushData(kernel: Kernel, args: readonly number[], data: Float32Array | Int32Array): void {
    const at = this.#reserve(kernel, args.length + data.length);
    this.#words.set(args, at);
    const values = data instanceof Float32Array ? this.#floats : this.#words;
    values.set(data, at + args.length);
  }

  /** Runs what was recorded. */
  flush(): void {
    if (this.#length === 0) return;
    const [words, sharedWork] = [this.#words.subarray(0, this.#length), this.#sharedWork];
    this.#length = 0;
    this.#sharedWork = 0;
    this.#run(words, sharedWork);
  }

  /** Begins a record and gives the index of its first argument. */
  #reserve(word: number, args: number): number {
    const words = args + 2;
    if (words > LIST_WORDS) {
      throw new RangeError(`Cannot record a command of ${words} words: at most ${LIST_WORDS} fit`);
    }
    if (this.#length + words > LIST_WORDS) this.flush();
    const at = this.#length;
    this.#words[at] = word;
    this.#words[at + 1] = words;
    this.#length += words;
    return at + 2;
  }
}

const float = new Float32Array(1);
const bits = new Int32Array(float.buffer);

/** The bits of a float, as a record holds it. */
export function floatBits(value: number): number {
  float[0] = value;
  return bits[0] ?? 0;
}
