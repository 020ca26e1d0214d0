/**
 * Where text is written: the prompt, the text as it comes, its figures, and what its tokens show.
 *
 * @module
 */

import type { SamplingOptions } from "@andromeda/runtime";
import { showAlternatives } from "./alternatives.ts";
import { AttentionView } from "./attention.ts";
import { byId, chosen, clearError, grouped, nextFrame, say, showError, speed } from "./dom.ts";
import type { LoadedModel } from "./model.ts";
import { type ShownPiece, TextView } from "./text_view.ts";
import { promptPieces, write } from "./writing.ts";

/** Milliseconds between two updates of the figures while text comes. */
const FIGURES_EVERY = 200;

/** The desk of a page. */
export class Desk {
  readonly #prompt = byId("prompt", HTMLTextAreaElement);
  readonly #writeButton = byId("write", HTMLButtonElement);
  readonly #stopButton = byId("stop", HTMLButtonElement);
  readonly #error = byId("write-error", HTMLElement);
  readonly #result = byId("result", HTMLElement);
  readonly #card = byId("alternatives", HTMLElement);
  readonly #textPlace = byId("text", HTMLElement);
  readonly #view = new TextView(byId("tokens", HTMLElement), (piece) => this.#look(piece));
  readonly #attention = new AttentionView(this.#view);
  readonly #sampling: () => SamplingOptions;
  #loaded: LoadedModel | undefined;
  #abort: AbortController | undefined;
  /** Settles when nothing is being written. */
  #written: Promise<void> = Promise.resolve();

  /** @param sampling Reads how tokens are chosen. */
  constructor(sampling: () => SamplingOptions) {
    this.#sampling = sampling;
    const form = byId("prompt-form", HTMLFormElement);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#begin();
    });
    this.#prompt.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      this.#begin();
    });
    this.#stopButton.addEventListener("click", () => void this.stop());
    document.addEventListener("keydown", ({ key }) => {
      if (key !== "Escape") return;
      if (this.#abort) void this.stop();
      else this.#look(undefined);
    });
    byId("lenses", HTMLFieldSetElement).addEventListener("change", () => this.#changeLens());
  }

  /** Takes another model; the text stays. */
  use(loaded: LoadedModel | undefined): void {
    this.#loaded = loaded;
    this.#attention.use(loaded);
    this.#changeLens();
  }

  /** Ends what is being written. */
  async stop(): Promise<void> {
    this.#abort?.abort();
    await this.#written;
  }

  #begin(): void {
    if (this.#abort || !this.#loaded) return;
    this.#written = this.#write(this.#loaded);
  }

  async #write(loaded: LoadedModel): Promise<void> {
    const { tokenizer } = loaded;
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    clearError(this.#error);
    this.#setWriting(true);
    const figures = new Figures();
    try {
      const prompt = tokenizer.encode(this.#prompt.value);
      this.#view.clear();
      this.#attention.close();
      this.#result.hidden = false;
      for await (const piece of promptPieces(tokenizer, prompt)) {
        this.#view.append(piece, true);
        await nextFrame();
      }
      figures.begin();
      for await (const piece of write(loaded, prompt, { ...this.#sampling(), signal })) {
        this.#view.append(piece, false);
        figures.add(piece.tokens.length);
      }
    } catch (error) {
      showError(this.#error, error);
    } finally {
      figures.end(signal.aborted);
      this.#abort = undefined;
      this.#setWriting(false);
      this.#changeLens();
    }
  }

  #setWriting(isWriting: boolean): void {
    const [shown, hidden] = isWriting ? [this.#stopButton, this.#writeButton] : [this.#writeButton, this.#stopButton];
    shown.hidden = false;
    // The focus stays where the button was.
    if (document.activeElement === hidden) shown.focus();
    hidden.hidden = true;
    this.#textPlace.setAttribute("aria-busy", String(isWriting));
    if (isWriting) say("Writing");
  }

  #look(piece: ShownPiece | undefined): void {
    const isAttention = chosen("lens") === "attention";
    if (isAttention && piece) this.#attention.look(piece);
    showAlternatives(this.#card, isAttention ? undefined : piece);
  }

  #changeLens(): void {
    const isAttention = chosen("lens") === "attention";
    this.#textPlace.dataset["lens"] = chosen("lens");
    this.#card.hidden = true;
    if (isAttention && !this.#abort && this.#view.pieces.length > 0) {
      void this.#attention.open();
    } else this.#attention.close();
  }
}

/** Speed, time to the first token and length, as a text is written. */
class Figures {
  readonly #speed = byId("speed", HTMLOutputElement);
  readonly #first = byId("first", HTMLOutputElement);
  readonly #count = byId("count", HTMLOutputElement);
  #start = performance.now();
  #firstAt = NaN;
  #shownAt = 0;
  #tokens = 0;

  constructor() {
    byId("figures", HTMLElement).hidden = false;
    this.#show();
  }

  /** The prompt goes to the model now. */
  begin(): void {
    this.#start = performance.now();
  }

  /** Tokens have come. */
  add(count: number): void {
    const now = performance.now();
    if (this.#tokens === 0) this.#firstAt = now;
    this.#tokens += count;
    if (now - this.#shownAt > FIGURES_EVERY) this.#show();
  }

  /** The text is complete. */
  end(isStopped: boolean): void {
    this.#show();
    say(`${isStopped ? "Stopped" : "Done"}: ${this.#tokens} tokens, ${this.#speed.value} tokens per second`);
  }

  #show(): void {
    const now = performance.now();
    this.#shownAt = now;
    // The first token belongs to the reading of the prompt.
    this.#speed.value = this.#tokens > 1 ? speed((this.#tokens - 1) * 1000 / (now - this.#firstAt)) : "–";
    this.#first.value = Number.isNaN(this.#firstAt) ? "–" : String(Math.round(this.#firstAt - this.#start));
    this.#count.value = grouped(this.#tokens);
  }
}
