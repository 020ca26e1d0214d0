/**
 * The card below a token: what else might have come, and how likely.
 *
 * @module
 */

import { bars, grouped, make, percent, visible } from "./dom.ts";
import type { ShownPiece } from "./text_view.ts";

/** Pixels between a token and its card. */
const GAP = 8;

/** Shows the alternatives of a piece below it, or nothing. */
export function showAlternatives(card: HTMLElement, piece: ShownPiece | undefined): void {
  card.hidden = piece === undefined;
  // What is hidden would still describe the token that has the focus.
  if (!piece) return card.replaceChildren();
  card.replaceChildren(...piece.alternatives.length === 0 ? [note()] : [head(piece), list(piece)]);
  const frame = card.offsetParent?.getBoundingClientRect();
  const [line] = piece.element.getClientRects();
  if (!frame || !line) return;
  const left = Math.min(Math.max(0, line.left - frame.left - 16), frame.width - card.offsetWidth);
  card.style.left = `${Math.max(0, left)}px`;
  // Below the token, or above where the window ends below.
  const isBelow = line.bottom + GAP + card.offsetHeight <= innerHeight || line.top < GAP + card.offsetHeight;
  card.style.top = `${(isBelow ? line.bottom + GAP : line.top - GAP - card.offsetHeight) - frame.top}px`;
}

function note(): HTMLElement {
  return make("p", "card-note", "Part of your prompt.");
}

function head({ text, rank, probability }: ShownPiece): HTMLElement {
  const place = rank === 1 ? "the likeliest" : `number ${grouped(rank)}`;
  return make(
    "p",
    "card-head",
    make("b", "token-name", visible(text)),
    make("span", "card-rank", `${percent(probability)}, ${place}`),
  );
}

function list({ alternatives, tokens }: ShownPiece): HTMLElement {
  const items = alternatives.map(({ token, text, probability }) => ({
    text,
    share: probability,
    isChosen: token === tokens.at(-1),
  }));
  return make("ol", "bars", ...bars(items));
}
