/**
 * The list of recorded commands in wasm memory; `kernels/run.ts` says how it is laid out.
 *
 * @module
 */
import type { Kernel } from "./kernel_id.ts";
import type { Block, Memory } from "./memory.ts";

/** Runs the records between two addresses. */
export type RunList = (start: number, end: number) => void;

/** Words that fit into the list; it runs by itself when full. */
const CAPACITY = 1 << 16;

/** Records of kernel calls that wait to be run, in order. */
export class CommandList {
  readonly #memory: Memory;
  readonly #run: RunList;
  readonly #block: Block;
  /** Words written. */
  #length = 0;

  constructor(memory: Memory, run: RunList) {
    this.#memory = memory;
    this.#run = run;
    this.#block = memory.allocate(CAPACITY * 4, "engine");
  }

  /** Appends a record; a float goes in as `floatBits` of it. */
  push(kernel: Kernel, args: readonly number[]): void {
    const at = this.#reserve(kernel, args.length);
    const words = this.#memory.words;
    for (let i = 0; i < args.length; i++) words[at + i] = args[i] ?? 0;
  }

  /** Appends a record whose last arguments are the bytes of `data`. */
  pushData(kernel: Kernel, args: readonly number[], data: Float32Array | Int32Array): void {
    const at = this.#reserve(kernel, args.length + data.length);
    this.#memory.words.set(args, at);
    const values = data instanceof Float32Array ? this.#memory.floats : this.#memory.words;
    values.set(data, at + args.length);
  }

  /** Runs what was recorded. */
  flush(): void {
    if (this.#length === 0) return;
    const end = this.#block.address + this.#length * 4;
    this.#length = 0;
    this.#run(this.#block.address, end);
  }

  /** Begins a record and gives the index of its first argument among the memory's words. */
  #reserve(kernel: Kernel, args: number): number {
    const words = args + 2;
    if (words > CAPACITY) throw new RangeError(`Cannot record a command of ${words} words: at most ${CAPACITY} fit`);
    if (this.#length + words > CAPACITY) this.flush();
    const at = this.#block.address / 4 + this.#length;
    this.#memory.words[at] = kernel;
    this.#memory.words[at + 1] = words;
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
