/**
 * Where heads of attention look: shades over the text for one token, and a map for all.
 *
 * @module
 */

import { bars, byId, clearError, make, showError } from "./dom.ts";
import type { LoadedModel } from "./model.ts";
import type { ShownPiece, TextView } from "./text_view.ts";

/** The most tokens that are looked at: the last ones of the text. */
const MOST = 256;

/** Tokens that are listed as those that were looked at most. */
const LISTED = 4;

/** Probabilities of one layer. */
interface Looks {
  /** [heads, n, keys]. */
  readonly values: Float32Array;
  readonly heads: number;
  /** Tokens, the last of the text. */
  readonly n: number;
  readonly keys: number;
  /** The first of these tokens in the text. */
  readonly first: number;
}

/** The section below the text. */
export class AttentionView {
  readonly #section = byId("attention", HTMLElement);
  readonly #layer = byId("layer", HTMLSelectElement);
  readonly #head = byId("head", HTMLSelectElement);
  readonly #list = byId("looks", HTMLOListElement);
  readonly #map = byId("map", HTMLCanvasElement);
  readonly #error = byId("attention-error", HTMLElement);
  readonly #text: TextView;
  #loaded: LoadedModel | undefined;
  #looks: Looks | undefined;
  /** The token, of those that are looked at, whose looks are shown. */
  #query = 0;
  /** Counts what was asked for: an answer that comes late is not shown. */
  #asked = 0;

  constructor(text: TextView) {
    this.#text = text;
    this.#layer.addEventListener("change", () => void this.#compute());
    this.#head.addEventListener("change", () => this.#show());
    this.#map.addEventListener("pointermove", ({ offsetY }) => {
      if (!this.#looks) return;
      this.#query = Math.min(this.#looks.n - 1, Math.floor(offsetY / this.#map.clientHeight * this.#looks.n));
      this.#show();
    });
    // The map is drawn in the colors of the page.
    new MutationObserver(() => this.#show()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  /** Takes another model. */
  use(loaded: LoadedModel | undefined): void {
    this.#loaded = loaded;
    this.#looks = undefined;
    const count = loaded?.model.attentionCount ?? 0;
    this.#layer.replaceChildren(...Array.from({ length: count }, (_, index) => choice(index, `${index + 1}`)));
    this.#layer.value = String(Math.max(0, count - 1));
    this.#head.replaceChildren();
  }

  /** Shows the section and computes what it shows of the text as it is now. */
  async open(): Promise<void> {
    this.#section.hidden = false;
    this.#query = Infinity;
    await this.#compute();
  }

  /** Hides it. */
  close(): void {
    this.#asked++;
    this.#section.hidden = true;
    if (!this.#looks) return;
    this.#looks = undefined;
    this.#map.width = this.#map.height = 1;
    this.#shade();
  }

  /** Shows where a token looked. */
  look(piece: ShownPiece): void {
    if (!this.#looks) return;
    const query = piece.start + piece.tokens.length - 1 - this.#looks.first;
    if (query < 0) return;
    this.#query = query;
    this.#show();
  }

  async #compute(): Promise<void> {
    const asked = ++this.#asked;
    clearError(this.#error);
    try {
      if (!this.#loaded) return;
      const { model } = this.#loaded;
      const tokens = this.#text.tokens;
      const n = Math.min(tokens.length, MOST, model.net.maxSeqLen);
      const probabilities = model.attentionProbabilities(tokens.slice(-n), Number(this.#layer.value));
      const [, heads = 0, , keys = 0] = probabilities.shape;
      const values = await probabilities.data().finally(() => probabilities.dispose());
      if (asked !== this.#asked || !(values instanceof Float32Array)) return;
      this.#looks = { values, heads, n, keys, first: tokens.length - n };
      this.#query = Math.min(this.#query, n - 1);
      this.#offerHeads(heads);
      this.#show();
    } catch (error) {
      showError(this.#error, error);
    }
  }

  #offerHeads(heads: number): void {
    if (this.#head.length === heads + 1) return;
    const all = choice(-1, "all");
    this.#head.replaceChildren(all, ...Array.from({ length: heads }, (_, index) => choice(index, `${index + 1}`)));
  }

  #show(): void {
    this.#shade();
    this.#draw();
  }

  /** The probability that a token gives to a token: of the chosen head, or the mean of all. */
  #probability({ values, heads, n, keys }: Looks, query: number, key: number): number {
    const at = (head: number) => values[(head * n + query) * keys + keys - n + key] ?? 0;
    const head = Number(this.#head.value);
    if (head >= 0) return at(head);
    let sum = 0;
    for (let each = 0; each < heads; each++) sum += at(each);
    return sum / heads;
  }

  /** What one token gives to each, and the most that it gives to any. */
  #row(looks: Looks, query: number): { row: number[]; most: number } {
    const row = Array.from({ length: looks.n }, (_, key) => this.#probability(looks, query, key));
    return { row, most: Math.max(...row) };
  }

  /** Shades the text by the looks of the chosen token, and lists what it looked at most. */
  #shade(): void {
    const looks = this.#looks;
    const { row, most } = looks ? this.#row(looks, this.#query) : { row: [], most: 1 };
    const shares: { text: string; share: number }[] = [];
    for (const { element, start, tokens, text } of this.#text.pieces) {
      const from = start - (looks?.first ?? 0);
      const share = row.slice(Math.max(0, from), Math.max(0, from + tokens.length)).reduce((a, b) => a + b, 0);
      const isQuery = looks !== undefined && from <= this.#query && this.#query < from + tokens.length;
      element.style.setProperty("--look", `${(100 * shadeOf(share, most)).toFixed(1)}%`);
      element.classList.toggle("is-query", isQuery);
      shares.push({ text, share });
    }
    const listed = looks ? shares.toSorted((a, b) => b.share - a.share).slice(0, LISTED) : [];
    this.#list.replaceChildren(...bars(listed));
  }

  #draw(): void {
    const looks = this.#looks;
    const context = this.#map.getContext("2d");
    if (!looks || !context) return;
    const { n } = looks;
    this.#map.width = this.#map.height = n;
    const styles = getComputedStyle(this.#map);
    const [red = 0, green = 0, blue = 0] = styles.color.match(/[\d.]+/g)?.map(Number) ?? [];
    const image = context.createImageData(n, n);
    for (let query = 0; query < n; query++) {
      const { row, most } = this.#row(looks, query);
      for (let key = 0; key <= query; key++) {
        image.data.set([red, green, blue, 255 * shadeOf(row[key] ?? 0, most)], (query * n + key) * 4);
      }
    }
    context.putImageData(image, 0, 0);
    context.fillStyle = styles.outlineColor;
    context.fillRect(0, this.#query, n, 1);
    const head = Number(this.#head.value) < 0 ? "all heads" : `head ${Number(this.#head.value) + 1}`;
    this.#map.setAttribute(
      "aria-label",
      `Attention map of layer ${Number(this.#layer.value) + 1}, ${head}: ${n} tokens by the tokens that they look at`,
    );
  }
}

/** How dark a probability is shown, beside the largest one: small ones would be invisible in proportion. */
function shadeOf(probability: number, most: number): number {
  return Math.min(1, Math.sqrt(probability / most));
}

function choice(value: number, text: string): HTMLOptionElement {
  const option = make("option", "", text);
  option.value = String(value);
  return option;
}
