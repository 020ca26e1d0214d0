/**
 * An automaton that finds what a regular expression finds, in UTF-8. Its states are made when a text first needs them,
 * and from then on a character costs two look-ups: that takes half the time of the host's expressions, which give an
 * object for each match, and no memory however long a match is.
 *
 * @module
 */

import type { Program } from "./program.ts";

/** The result where nothing is found. */
export const NOT_FOUND = -1;

/**
 * Characters that all sets of a program treat alike are of one kind. This many kinds are numbered at a time: real
 * patterns have some twenty.
 */
const KINDS = 256;
/** The kind of characters that have not been seen. */
const UNSEEN = 0;
/** The kind of the text's end. */
const END = 1;

/** States at a time. Real patterns have some forty. */
const MOST_STATES = 1024;
/** The state from which nothing is found any more. */
const DEAD = 0;
const START = 1;

/** A step is twice the state that it leads to, and one more if the match ends before the character. */
const ENDS_BEFORE = 1;
const UNKNOWN = -1;

/** A pattern in the form that finds. */
export class Automaton {
  readonly #program: Program;
  /** The kind of each code point. */
  #kinds = new Uint8Array();
  /** The number of each kind by the sets that its characters are in, "0110". */
  readonly #kindOf = new Map<string, number>();
  /** The sets that a kind is in. */
  readonly #memberships: string[] = [];
  /** The instructions that go on in a state, most wanted first. */
  #states: (readonly number[])[] = [];
  readonly #stateOf = new Map<string, number>();
  /** Steps by state × KINDS + kind. */
  #steps = new Int32Array(16 * KINDS);

  constructor(program: Program) {
    this.#program = program;
    this.#forgetKinds();
    this.#forgetStates();
  }

  /**
   * Matches the pattern at a place.
   *
   * @param bytes Text in UTF-8.
   * @param from Where a character begins.
   * @param to The text's end, which the pattern does not see beyond.
   * @returns The end of the match, or NOT_FOUND.
   */
  match(bytes: Uint8Array, from: number, to: number): number {
    let [kinds, steps] = [this.#kinds, this.#steps];
    let state = START;
    let found = NOT_FOUND;
    for (let at = from, next = from;; at = next) {
      let kind = END;
      if (at < to) {
        let code = bytes[at] ?? 0;
        next = at + 1;
        if (code >= 0x80) {
          next = at + (code < 0xe0 ? 2 : code < 0xf0 ? 3 : 4);
          code = codePointAt(bytes, at, code);
        }
        kind = kinds[code] ?? UNSEEN;
        if (kind === UNSEEN) {
          kind = this.#classify(code);
          kinds = this.#kinds;
        }
      }
      let step = steps[state * KINDS + kind] ?? UNKNOWN;
      if (step === UNKNOWN) {
        step = this.#step(state, kind);
        steps = this.#steps;
      }
      if ((step & ENDS_BEFORE) !== 0) found = at;
      state = step >> 1;
      if (state === DEAD) return found;
    }
  }

  /** The kind of a character that has not been seen. */
  #classify(code: number): number {
    const character = String.fromCodePoint(code);
    const membership = this.#program.sets.map((set) => set.test(character) ? "1" : "0").join("");
    let kind = this.#kindOf.get(membership);
    if (kind === undefined) {
      if (this.#memberships.length === KINDS) this.#forgetKinds();
      kind = this.#memberships.push(membership) - 1;
      this.#kindOf.set(membership, kind);
    }
    this.#kinds[code] = kind;
    return kind;
  }

  /** Numbers kinds from the beginning. */
  #forgetKinds(): void {
    this.#kinds = new Uint8Array(0x110000);
    this.#kindOf.clear();
    const none = "0".repeat(this.#program.sets.length);
    this.#memberships.splice(0, Infinity, none, none); // nothing is in a set at the text's end
    this.#steps.fill(UNKNOWN);
  }

  /** Numbers states from the beginning. */
  #forgetStates(): void {
    this.#states = [];
    this.#stateOf.clear();
    this.#steps.fill(UNKNOWN);
    this.#stateFor([]);
    this.#stateFor([this.#program.start]);
  }

  /** Makes the step from a state at a character of a kind. */
  #step(state: number, kind: number): number {
    const { instructions } = this.#program;
    const membership = this.#memberships[kind] ?? "";
    const has = (set: number): boolean => membership[set] === "1";
    const seen = new Set<number>();
    const goingOn = new Set<number>();
    let ends = 0;
    const waiting = [...this.#states[state] ?? []].reverse();
    for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
      const instruction = instructions[place];
      if (instruction === undefined || seen.has(place)) continue;
      seen.add(place);
      if (instruction.kind === "found") {
        ends = ENDS_BEFORE;
        break; // the ways that are less wanted
      }
      if (instruction.kind === "fork") waiting.push(instruction.second, instruction.first);
      else if (instruction.kind === "look") {
        if (has(instruction.set) === instruction.isWanted) waiting.push(instruction.next);
      } else if (has(instruction.set)) goingOn.add(instruction.next);
    }
    const states = this.#states;
    const step = 2 * this.#stateFor([...goingOn]) + ends;
    // If all states were forgotten, this one has no number any more.
    if (states === this.#states) this.#steps[state * KINDS + kind] = step;
    return step;
  }

  /** The number of the state in which some instructions go on. */
  #stateFor(places: readonly number[]): number {
    const name = places.join();
    const known = this.#stateOf.get(name);
    if (known !== undefined) return known;
    if (this.#states.length === MOST_STATES) {
      this.#forgetStates();
      return this.#stateFor(places);
    }
    const state = this.#states.push(places) - 1;
    this.#stateOf.set(name, state);
    if (this.#states.length * KINDS > this.#steps.length) {
      const steps = new Int32Array(2 * this.#steps.length).fill(UNKNOWN);
      steps.set(this.#steps);
      this.#steps = steps;
    }
    return state;
  }
}

/** The character of more than one byte that begins at a place. */
function codePointAt(bytes: Uint8Array, at: number, first: number): number {
  const second = (bytes[at + 1] ?? 0) & 0x3f;
  if (first < 0xe0) return ((first & 0x1f) << 6) | second;
  const third = (bytes[at + 2] ?? 0) & 0x3f;
  if (first < 0xf0) return ((first & 0xf) << 12) | (second << 6) | third;
  return ((first & 7) << 18) | (second << 12) | (third << 6) | ((bytes[at + 3] ?? 0) & 0x3f);
}
