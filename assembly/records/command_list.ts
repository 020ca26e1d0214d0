/**
 * The list of recorded commands; `kernels/run.ts` says how it is laid out.
 *
 * @module
 */

import { Kernel } from "../generated/kernel.ts";
import type { EventLoopPauses } from "../machine/event_loop_pauses.ts";
import type { ListWork } from "../machine/machine.ts";
import { LIST_WORDS } from "../memory/layout.ts";
import { RecordWord } from "./team_layout.ts";
import { NANOSECONDS, partWord, recordWord } from "./work.ts";

/** Runs the records in these words. */
export type RunList = (words: Int32Array<ArrayBuffer>, work: ListWork) => void;

/** Words that may wait: those of many calls at once, which must not make the list run before a pause. */
const MOST_WORDS = 16 * LIST_WORDS;

/** Milliseconds that a portion is to take: between two of them the engine may pause. */
const PORTION_MS = 10;

/** Milliseconds of a part of a record: shorter ones would pack the same inputs too often. */
const PART_MS = 25;
const MOST_PARTS = RecordWord.partMask + 1;

/** Milliseconds after which a pause counts as lost. */
const LONGEST_PAUSE_MS = 1000;

/** Arguments that any kernel has, without a list that follows. */
const MOST_ARGUMENTS = 64;

/** Weight of the newest portion in the mean of the time that work takes. */
const NEWEST = 0.2;

/** Records that are run at once. */
interface Portion {
  /** Where it ends, in words. */
  end: number;
  readonly work: number;
  readonly listWork: ListWork;
  /** Actions for when it has run. */
  readonly marks: Mark[];
}

/** An action at its place in the list. */
interface Mark {
  reach(): void;
  fail(error: unknown): void;
}

/**
 * Records of kernel calls that wait to be run, in order. A read waits until the list has run up to its place; in
 * between the engine pauses for the host's event loop. `flush` runs all of it at once, and so does the list by itself
 * when full.
 */
export class CommandList {
  /** Arguments of the next record. */
  readonly words = new Int32Array(MOST_ARGUMENTS);
  /** The same memory, for arguments that are floats. */
  readonly floats = new Float32Array(this.words.buffer);
  readonly #run: RunList;
  readonly #pauses: EventLoopPauses | undefined;
  #words = new Int32Array(LIST_WORDS);
  /** The same memory as `#words`, for lists of floats. */
  #floats = new Float32Array(this.#words.buffer);
  /** Words that were run, and words written. */
  #done = 0;
  #length = 0;
  /** Portions that are complete, and what has been recorded of the next one. */
  #portions: Portion[] = [];
  #work = 0;
  #sharedWork = 0;
  #valuesWork = 0;
  #blocksWork = 0;
  /** When the pause began that the list is in. */
  #pausedAt: number | undefined;
  /** Milliseconds for a unit of work. */
  #cost = NANOSECONDS * 1e-6;

  /** @param pauses The engine's; without them the list runs at once, which another thread does. */
  constructor(run: RunList, pauses?: EventLoopPauses) {
    this.#run = run;
    this.#pauses = pauses;
  }

  /**
   * Appends a record whose arguments are the first `length` of `words` and `floats`, and the numbers of `list`.
   *
   * @param work How much there is to do, as `work.ts` counts it.
   */
  append(kernel: Kernel, length: number, work: number, list?: ArrayLike<number>): void {
    const word = recordWord(kernel, work);
    const isShared = word !== kernel;
    const parts = isShared ? this.#partsOf(work) : 1;
    for (let part = 0; part < parts; part++) {
      const at = this.#reserve(partWord(word, part, parts), length + (list?.length ?? 0), work / parts);
      // Faster than `TypedArray.set` for short lists.
      for (let i = 0; i < length; i++) this.#words[at + i] = this.words[i] ?? 0;
      if (list) (list instanceof Float32Array ? this.#floats : this.#words).set(list, at + length);
      if (isShared) this.#sharedWork += work / parts;
      if (isShared && kernel === Kernel.linearRow) this.#valuesWork += work / parts;
      if (isShared && kernel === Kernel.linearBlocksRow) this.#blocksWork += work / parts;
    }
  }

  /** Whether nothing waits to be run. */
  get isEmpty(): boolean {
    return this.#length === this.#done;
  }

  /** Runs what was recorded. */
  flush(): void {
    this.#complete();
    while (this.#portions.length > 0) this.#runPortion();
  }

  /** Runs an action after everything that is recorded by now, and before anything that is recorded later. */
  async after<T>(action: () => Promise<T>): Promise<T> {
    if (!this.#pauses) this.flush();
    const portion = this.#complete();
    if (!portion) return await action();
    const result = new Promise<T>((resolve, reject) => {
      portion.marks.push({ reach: () => resolve(action()), fail: reject });
    });
    this.#advance();
    return await result;
  }

  /** Drops the recorded commands, and rejects the reads that wait for them. */
  close(error: Error): void {
    this.#drop(error);
  }

  /** How many parts a record is run in, so that none takes long. */
  #partsOf(work: number): number {
    if (!this.#pauses) return 1;
    return Math.min(Math.max(1, Math.floor(work * this.#cost / PART_MS)), MOST_PARTS);
  }

  /** Runs portions while an action waits for one. */
  #advance(): void {
    // A pause that never ends was begun by a request that an edge worker has ended.
    if (this.#pausedAt !== undefined && performance.now() - this.#pausedAt < LONGEST_PAUSE_MS) return;
    this.#pausedAt = undefined;
    while (this.#portions.some(({ marks }) => marks.length > 0)) {
      const expected = (this.#portions[0]?.work ?? 0) * this.#cost;
      if (this.#pauses?.isDue(expected)) {
        const began = this.#pausedAt = performance.now();
        void this.#pauses.pause().then(() => {
          if (this.#pausedAt !== began) return;
          this.#pausedAt = undefined;
          this.#advance();
        });
        return;
      }
      try {
        this.#runPortion();
      } catch {
        // The waiting reads were rejected with the error.
      }
    }
  }

  /** Runs the oldest portion. */
  #runPortion(): void {
    const portion = this.#portions.shift();
    if (!portion) return;
    const words = this.#words.subarray(this.#done, portion.end);
    this.#done = portion.end;
    if (this.#portions.length === 0 && this.#length === portion.end) this.#done = this.#length = 0;
    try {
      const began = performance.now();
      this.#run(words, portion.listWork);
      this.#learn(portion.work, performance.now() - began);
    } catch (error) {
      // Later portions may need its results.
      this.#drop(error, portion);
      throw error;
    }
    for (const { reach } of portion.marks) reach();
  }

  /** Learns the time that work takes on this machine, with its threads, for this model. */
  #learn(work: number, milliseconds: number): void {
    const expected = work * this.#cost;
    const isCounted = milliseconds > 0;
    this.#pauses?.worked(isCounted ? 0 : expected);
    if (expected < 1 || !isCounted) return; // too short to tell
    this.#cost += NEWEST * (milliseconds / work - this.#cost);
  }

  /** Completes the current portion. Gives the last portion that waits, if any does. */
  #complete(): Portion | undefined {
    const end = this.#length;
    if (end > (this.#portions.at(-1)?.end ?? this.#done)) {
      const listWork = { shared: this.#sharedWork, values: this.#valuesWork, blocks: this.#blocksWork };
      this.#portions.push({ end, work: this.#work, listWork, marks: [] });
      this.#work =
        this.#sharedWork =
        this.#valuesWork =
        this.#blocksWork =
          0;
    }
    return this.#portions.at(-1);
  }

  #drop(error: unknown, ...also: readonly Portion[]): void {
    const waiting = [...also, ...this.#portions];
    this.#portions = [];
    this.#done =
      this.#length =
      this.#work =
      this.#sharedWork =
      this.#valuesWork =
      this.#blocksWork =
        0;
    for (const { marks } of waiting) for (const { fail } of marks) fail(error);
  }

  /** Begins a record and gives the index of its first argument. */
  #reserve(word: number, args: number, work: number): number {
    const words = args + 2;
    if (words > LIST_WORDS) {
      throw new RangeError(`Cannot record a command of ${words} words: at most ${LIST_WORDS} fit`);
    }
    const begun = this.#portions.at(-1)?.end ?? this.#done;
    const isFull = this.#length + words - begun > LIST_WORDS || (this.#work + work) * this.#cost > PORTION_MS;
    if (isFull) this.#complete();
    if (this.#length + words > this.#words.length) this.#makeRoom(words);
    const at = this.#length;
    this.#words[at] = word;
    this.#words[at + 1] = words;
    this.#length += words;
    this.#work += work;
    return at + 2;
  }

  /** Removes the records that have run, grows the list, or runs it. */
  #makeRoom(words: number): void {
    const waiting = this.#words.subarray(this.#done, this.#length);
    if (!this.#pauses || waiting.length + words > MOST_WORDS) return this.flush();
    if (waiting.length + words > this.#words.length / 2) {
      this.#words = new Int32Array(Math.min(2 * this.#words.length, MOST_WORDS));
      this.#floats = new Float32Array(this.#words.buffer);
    }
    this.#words.set(waiting);
    for (const portion of this.#portions) portion.end -= this.#done;
    this.#length -= this.#done;
    this.#done = 0;
  }
}
