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
import { type Judged, piecesOf, write } from "./writing.ts";

/** Milliseconds between two updates of the figures while text comes. */
const FIGURES_EVERY = 200;

/** A text that is kept when writing begins. */
interface Kept {
  readonly tokens: readonly number[];
  /** How many of the tokens were given. */
  readonly given: number;
  /** What else could have come in the place of a token. */
  readonly known: ReadonlyMap<number, Judged>;
}

/** The desk of a page. */
export class Desk {
  readonly #prompt = byId("prompt", HTMLTextAreaElement);
  readonly #writeButton = byId("write", HTMLButtonElement);
  readonly #stopButton = byId("stop", HTMLButtonElement);
  readonly #error = byId("write-error", HTMLElement);
  readonly #result = byId("result", HTMLElement);
  readonly #card = byId("alternatives", HTMLElement);
  readonly #textPlace = byId("text", HTMLElement);
  readonly #view = new TextView(byId("tokens", HTMLElement), {
    look: (piece) => this.#look(piece),
    goOn: (piece, alternative) => this.#goOn(piece, alternative),
  });
  readonly #attention = new AttentionView(this.#view);
  readonly #sampling: () => SamplingOptions;
  #loaded: LoadedModel | undefined;
  /** The name of the model whose tokens the text is made of. */
  #writer: string | undefined;
  #abort: AbortController | undefined;
  /** The token that has the focus and shall show nothing. */
  #dismissed: ShownPiece | undefined;
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
    // The focus stays on the token whose card this is.
    this.#card.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      const row = event.target instanceof Element ? event.target.closest("li") : null;
      const piece = this.#view.focused;
      if (row && piece) this.#goOn(piece, Array.from(row.parentElement?.children ?? []).indexOf(row));
    });
    document.addEventListener("keydown", ({ key }) => {
      if (key !== "Escape") return;
      if (this.#abort) void this.stop();
      else this.#dismiss();
    });
    byId("lenses", HTMLFieldSetElement).addEventListener("change", () => this.#changeLens());
  }

  /** Takes a model. A text stays if the same model wrote it: tokens of another one mean something else. */
  use(loaded: LoadedModel | undefined): void {
    this.#loaded = loaded;
    if (loaded && loaded.name !== this.#writer) {
      this.#writer = loaded.name;
      this.#view.clear();
      this.#result.hidden = true;
    }
    this.#attention.use(loaded);
    this.#changeLens();
  }

  /** Ends what is being written. */
  async stop(): Promise<void> {
    this.#abort?.abort();
    await this.#written;
  }

  /** @param kept A text to go on from, in the place of the prompt. */
  #begin(kept?: Kept): void {
    if (this.#abort || !this.#loaded) return;
    this.#written = this.#write(this.#loaded, kept);
  }

  async #write(loaded: LoadedModel, kept?: Kept): Promise<void> {
    const { tokenizer } = loaded;
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    clearError(this.#error);
    this.#setWriting(true);
    const figures = new Figures();
    try {
      const prompt = tokenizer.encode(this.#prompt.value);
      const { tokens, given, known } = kept ?? { tokens: prompt, given: prompt.length, known: new Map() };
      const hadFocus = this.#view.focused !== undefined;
      this.#attention.close();
      this.#view.clear();
      this.#result.hidden = false;
      let count = 0;
      for await (const piece of piecesOf(tokenizer, tokens, known)) {
        count += piece.tokens.length;
        this.#view.append(piece, count <= given);
      }
      if (hadFocus) this.#view.focusLast();
      await nextFrame();
      figures.begin();
      for await (const piece of write(loaded, tokens, { ...this.#sampling(), signal })) {
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

  /** Drops what comes after a piece, puts an alternative in its place where one is meant, and writes on. */
  #goOn(piece: ShownPiece, alternative?: number): void {
    const other = alternative === undefined ? undefined : piece.alternatives[alternative];
    if (alternative !== undefined && !other) return;
    const { pieces, tokens } = this.#view;
    const end = piece.start + piece.tokens.length;
    const known = new Map<number, Judged>();
    for (const each of pieces) if (!each.isPrompt) known.set(each.start + each.tokens.length - 1, each);
    const given = pieces.findLast(({ isPrompt }) => isPrompt);
    if (other) known.set(end - 1, { ...piece, probability: other.probability, rank: (alternative ?? 0) + 1 });
    this.#begin({
      tokens: other ? [...tokens.slice(0, end - 1), other.token] : tokens.slice(0, end),
      given: given ? given.start + given.tokens.length : 0,
      known,
    });
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
    if (piece && piece === this.#dismissed) return;
    this.#dismissed = undefined;
    const isAttention = chosen("lens") === "attention";
    if (isAttention && piece) this.#attention.look(piece);
    showAlternatives(this.#card, isAttention ? undefined : piece);
    // A card that follows the pointer can't be reached by it; that of the focused token can.
    this.#card.classList.toggle("is-kept", piece !== undefined && piece === this.#view.focused);
  }

  /** Takes the card away until another token is looked at. */
  #dismiss(): void {
    const { focused } = this.#view;
    this.#look(undefined);
    this.#dismissed = focused;
  }

  #changeLens(): void {
    const isAttention = chosen("lens") === "attention";
    this.#textPlace.dataset["lens"] = chosen("lens");
    this.#card.hidden = true;
    if (isAttention && !this.#abort && this.#view.pieces.length > 0) void this.#attention.open();
    else this.#attention.close();
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
