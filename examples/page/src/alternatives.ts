/**
 * The card below a token: what else might have come, and how likely.
 *
 * @module
 */

import { grouped, make, percent, visible } from "./dom.ts";
import type { ShownPiece } from "./text_view.ts";

/** Shows the alternatives of a piece below it, or nothing. */
export function showAlternatives(card: HTMLElement, piece: ShownPiece | undefined): void {
  card.hidden = piece === undefined;
  if (!piece) return;
  card.replaceChildren(...piece.isPrompt ? [note()] : [head(piece), rows(piece)]);
  const frame = card.offsetParent?.getBoundingClientRect();
  const [line] = piece.element.getClientRects();
  if (!frame || !line) return;
  const left = Math.min(Math.max(0, line.left - frame.left - 16), frame.width - card.offsetWidth);
  card.style.left = `${Math.max(0, left)}px`;
  card.style.top = `${line.bottom - frame.top + 8}px`;
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

function rows({ alternatives, tokens }: ShownPiece): HTMLElement {
  const largest = alternatives[0]?.probability ?? 1;
  const list = make("ol", "bars");
  for (const { token, text, probability } of alternatives) {
    const bar = make("span", "bar-fill");
    bar.style.inlineSize = `${Math.max(1, 100 * probability / largest)}%`;
    list.append(
      make(
        "li",
        token === tokens.at(-1) ? "is-chosen" : "",
        make("span", "token-name", visible(text)),
        make("span", "bar-track", bar),
        make("span", "bar-value", percent(probability)),
      ),
    );
  }
  return list;
}
