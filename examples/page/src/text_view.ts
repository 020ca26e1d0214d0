/**
 * The text as a row of tokens. One of them can be reached by Tab, its neighbors from there by the arrow keys; who reads
 * with a screen reader finds plain text.
 *
 * @module
 */

import { make, spoken } from "./dom.ts";
import type { Piece } from "./writing.ts";

/** A piece where it stands. */
export interface ShownPiece extends Piece {
  readonly element: HTMLElement;
  /** Whether it was given instead of written. */
  readonly isPrompt: boolean;
  /** How many tokens come before it. */
  readonly start: number;
}

/** What a person does with the text. */
export interface TextEvents {
  /** The pointer or the focus is on a piece, or neither is on any. */
  look(piece: ShownPiece | undefined): void;
  /** The text shall go on from a piece, or from the alternative of this number in its place. */
  goOn(piece: ShownPiece, alternative?: number): void;
}

/** Shows pieces, and tells what a person does with them. */
export class TextView {
  readonly pieces: ShownPiece[] = [];
  readonly #place: HTMLElement;
  readonly #events: TextEvents;
  readonly #indices = new WeakMap<EventTarget, number>();
  /** The piece that Tab reaches. */
  #active = -1;

  constructor(place: HTMLElement, events: TextEvents) {
    this.#place = place;
    this.#events = events;
    place.addEventListener("pointerover", ({ target }) => {
      const piece = this.#pieceOf(target);
      if (piece) events.look(piece);
    });
    place.addEventListener("pointerleave", () => this.lookAtFocus());
    place.addEventListener("focusin", ({ target }) => events.look(this.#pieceOf(target)));
    place.addEventListener("focusout", () => events.look(undefined));
    place.addEventListener("click", ({ target }) => this.#focus(target ? this.#indices.get(target) : undefined));
    place.addEventListener("keydown", (event) => this.#press(event));
  }

  /** All tokens of the text. */
  get tokens(): number[] {
    return this.pieces.flatMap(({ tokens }) => tokens);
  }

  /** Empties it. */
  clear(): void {
    this.pieces.length = 0;
    this.#active = -1;
    this.#place.replaceChildren();
    this.#events.look(undefined);
  }

  /** Adds a piece at the end. */
  append(piece: Piece, isPrompt: boolean): void {
    const element = make("span", isPrompt ? "token given" : "token", piece.text);
    const last = this.pieces.at(-1);
    const start = last ? last.start + last.tokens.length : 0;
    this.#indices.set(element, this.pieces.length);
    this.pieces.push({ ...piece, element, isPrompt, start });
    this.#place.append(element);
    if (this.#active < 0 && !isPrompt) this.#activate(this.pieces.length - 1);
  }

  /** Looks at the focused token, if there is one. */
  lookAtFocus(): void {
    this.#events.look(this.focused);
  }

  /** The piece that has the focus. */
  get focused(): ShownPiece | undefined {
    return this.#pieceOf(document.activeElement);
  }

  /** Moves the focus to the last piece, where it was on one that is gone. */
  focusLast(): void {
    this.#focus(this.pieces.length - 1);
  }

  #pieceOf(target: EventTarget | null): ShownPiece | undefined {
    return this.pieces[(target && this.#indices.get(target)) ?? -1];
  }

  /** Makes a piece the one that Tab reaches. */
  #activate(index: number): void {
    const [before, now] = [this.pieces[this.#active], this.pieces[index]];
    for (const name of ["tabindex", "role", "aria-label", "aria-describedby"]) {
      before?.element.removeAttribute(name);
    }
    this.#active = index;
    if (!now) return;
    now.element.tabIndex = 0;
    now.element.setAttribute("role", "button");
    now.element.setAttribute("aria-label", `Token ${index + 1}: ${spoken(now.text)}`);
    now.element.setAttribute("aria-describedby", "alternatives looks");
  }

  #focus(index: number | undefined): void {
    if (index === undefined || !this.pieces[index]) return;
    this.#activate(index);
    this.pieces[index].element.focus();
  }

  #press(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const piece = this.focused;
    // The tenth alternative has the digit 0.
    if (piece && /^\d$/.test(event.key)) return this.#events.goOn(piece, (Number(event.key) + 9) % 10);
    const last = this.pieces.length - 1;
    switch (event.key) {
      case "ArrowLeft":
        this.#focus(Math.max(0, this.#active - 1));
        break;
      case "ArrowRight":
        this.#focus(Math.min(last, this.#active + 1));
        break;
      case "ArrowUp":
        this.#focus(this.#inLine(-1));
        break;
      case "ArrowDown":
        this.#focus(this.#inLine(1));
        break;
      case "Enter":
        if (piece) this.#events.goOn(piece);
        break;
      case "Home":
        this.#focus(0);
        break;
      case "End":
        this.#focus(last);
        break;
      default:
        return;
    }
    event.preventDefault();
  }

  /** The piece above or below the active one. */
  #inLine(direction: -1 | 1): number | undefined {
    const here = this.pieces[this.#active]?.element.getBoundingClientRect();
    if (!here) return undefined;
    let found: number | undefined;
    let least = Infinity;
    for (const [index, { element }] of this.pieces.entries()) {
      const there = element.getBoundingClientRect();
      const down = (there.top - here.top) * direction;
      if (down < here.height / 2) continue;
      // The nearest line counts first, then the nearest piece in it.
      const distance = down * 1e4 +
        Math.abs(there.left + there.width / 2 - here.left - here.width / 2);
      if (distance < least) [found, least] = [index, distance];
    }
    return found;
  }
}
