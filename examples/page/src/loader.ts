/**
 * Loads models as a person asks for them: shows how far that is, can be aborted, and says what went wrong.
 *
 * @module
 */

import type { Progress, WeightFormat } from "@andromeda/runtime";
import { byId, chosen, clearError, grouped, megabytes, nextFrame, say, showError } from "./dom.ts";
import { freeModel, type LoadedModel, loadModel, type ModelChoices, type ModelPlace, startEngine } from "./model.ts";

/** Told what is loaded, and nothing before it is freed. */
type OnChange = (loaded: LoadedModel | undefined) => void | Promise<void>;

/** The model of the page. */
export class Loader {
  readonly #progress = byId("progress", HTMLElement);
  readonly #what = byId("progress-what", HTMLElement);
  readonly #bytes = byId("progress-bytes", HTMLOutputElement);
  readonly #bar = byId("progress-bar", HTMLProgressElement);
  readonly #startError = byId("start-error", HTMLElement);
  readonly #engineError = byId("engine-error", HTMLElement);
  readonly #onChange: OnChange;
  #abort: AbortController | undefined;
  #loaded: LoadedModel | undefined;
  #place: ModelPlace | undefined;
  #choices = readChoices();

  constructor(onChange: OnChange) {
    this.#onChange = onChange;
    byId("abort", HTMLButtonElement).addEventListener("click", () => this.#abort?.abort());
    for (const id of ["engines", "dtype"]) {
      byId(id, HTMLElement).addEventListener("change", () => {
        if (this.#loaded && this.#place) void this.load(this.#place);
      });
    }
    byId("change", HTMLButtonElement).addEventListener("click", () => void this.#leave());
  }

  /** Whether there is nothing that a reload of the page would lose. */
  get isIdle(): boolean {
    return !this.#abort && !this.#loaded;
  }

  /** Loads a model in the place of the one that there is. */
  async load(place: ModelPlace): Promise<void> {
    if (this.#abort) return;
    const { signal } = this.#abort = new AbortController();
    const isFirst = !this.#loaded;
    const choices = readChoices();
    clearError(this.#startError);
    clearError(this.#engineError);
    this.#begin(place, isFirst);
    try {
      const backend = await startEngine(choices).catch((error) => {
        // The engine that there was goes on.
        showChoices(this.#choices);
        showError(this.#engineError, error);
      });
      if (!backend) return;
      this.#choices = choices;
      await this.#free();
      const onProgress = (progress: Progress) => this.#show(progress);
      this.#loaded = await loadModel(place, backend, choices.dtype, { signal, onProgress });
      this.#place = place;
      say(`${place.name} is loaded`);
      await this.#onChange(this.#loaded);
    } catch (error) {
      showError(this.#startError, error);
      say("Nothing is loaded");
    } finally {
      this.#abort = undefined;
      await this.#end(isFirst);
    }
  }

  /** The engine and its threads, which join one after the other. */
  describe(): void {
    if (!this.#loaded) return;
    const { name, model, backend } = this.#loaded;
    byId("model-name", HTMLElement).textContent = name;
    byId("model-facts", HTMLElement).textContent = `${grouped(model.parameterCount)} weights, a context of ${
      grouped(model.net.maxSeqLen)
    } tokens`;
    const { threads, features, description } = backend.info;
    byId("engine-facts", HTMLElement).textContent = backend.name === "webgpu"
      ? description
      : `WebAssembly on ${threads} thread${threads === 1 ? "" : "s"}: ${features.join(", ")}`;
  }

  #begin(place: ModelPlace, isFirst: boolean): void {
    this.#bar.removeAttribute("value");
    this.#bytes.value = "";
    this.#what.textContent = `Opening ${place.name}`;
    byId(isFirst ? "start" : "model-section", HTMLElement).append(this.#progress);
    this.#progress.hidden = false;
    if (isFirst) document.body.dataset["state"] = "loading";
    // Buttons that began it may be hidden now.
    byId("abort", HTMLButtonElement).focus();
    say(`Loading ${place.name}`);
  }

  #show({ file, whole: { loaded, total } }: Progress): void {
    this.#what.textContent = `Loading ${file.split("/").at(-1)}`;
    this.#bytes.value = total === undefined
      ? `${megabytes(loaded)} MB`
      : `${megabytes(loaded)} of ${megabytes(total)} MB`;
    if (total !== undefined) this.#bar.value = loaded / total;
  }

  async #end(wasFirst: boolean): Promise<void> {
    await nextFrame();
    const hadFocus = this.#progress.contains(document.activeElement);
    this.#progress.hidden = true;
    document.body.dataset["state"] = this.#loaded ? "ready" : "start";
    // What was chosen meanwhile was not listened to.
    if (this.#loaded) showChoices(this.#choices);
    this.describe();
    await nextFrame();
    if (!hadFocus && !wasFirst) return;
    if (!this.#loaded) byId("load-demo", HTMLElement).focus();
    else if (wasFirst) byId("prompt", HTMLElement).focus({ preventScroll: true });
  }

  async #free(): Promise<void> {
    const freed = this.#loaded;
    if (!freed) return;
    await this.#onChange(undefined);
    this.#loaded = undefined;
    freeModel(freed);
  }

  async #leave(): Promise<void> {
    if (this.#abort) return;
    await this.#free();
    document.body.dataset["state"] = "start";
    byId("load-demo", HTMLElement).focus();
  }
}

function readChoices(): ModelChoices {
  const engine = chosen("engine");
  const dtype = byId("dtype", HTMLSelectElement).value;
  return {
    engine: engine === "wasm" || engine === "webgpu" ? engine : "auto",
    dtype: isFormat(dtype) ? dtype : undefined,
  };
}

function isFormat(text: string): text is WeightFormat {
  return ["f32", "f16", "q8_0", "q4_0"].includes(text);
}

function showChoices({ engine, dtype }: ModelChoices): void {
  for (const input of document.querySelectorAll<HTMLInputElement>('input[name="engine"]')) {
    input.checked = input.value === engine;
  }
  byId("dtype", HTMLSelectElement).value = dtype ?? "";
}
