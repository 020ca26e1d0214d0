/**
 * How the next token is chosen: a control for each option, with what it means.
 *
 * @module
 */

import type { SamplingOptions } from "@andromeda/runtime";
import { make } from "./dom.ts";

/** A number that a person chooses. */
interface Control {
  readonly name: "temperature" | "topK" | "topP" | "minP" | "repetitionPenalty" | "maxNewTokens";
  readonly label: string;
  readonly meaning: string;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly value: number;
  /** The value at which the option does nothing, and its word. */
  readonly off?: readonly [value: number, word: string];
}

const CONTROLS: readonly Control[] = [
  {
    name: "temperature",
    label: "Temperature",
    meaning: "Lower is surer; 0 always takes the likeliest.",
    min: 0,
    max: 2,
    step: 0.05,
    value: 0.8,
  },
  {
    name: "topK",
    label: "Top-k",
    meaning: "Only the k likeliest tokens may come.",
    min: 0,
    max: 100,
    step: 1,
    value: 0,
    off: [0, "off"],
  },
  {
    name: "topP",
    label: "Top-p",
    meaning: "Only the likeliest, up to this share together.",
    min: 0.05,
    max: 1,
    step: 0.05,
    value: 1,
    off: [1, "off"],
  },
  {
    name: "minP",
    label: "Min-p",
    meaning: "Only those with this share of the likeliest’s.",
    min: 0,
    max: 0.5,
    step: 0.01,
    value: 0.05,
    off: [0, "off"],
  },
  {
    name: "repetitionPenalty",
    label: "Repetition penalty",
    meaning: "Above 1, tokens that came before come less.",
    min: 1,
    max: 2,
    step: 0.05,
    value: 1.1,
    off: [1, "off"],
  },
  {
    name: "maxNewTokens",
    label: "Length",
    meaning: "The most tokens to write.",
    min: 10,
    max: 1000,
    step: 10,
    value: 200,
  },
];

/** Makes the controls; the result reads them. */
export function samplingControls(place: HTMLElement): () => SamplingOptions {
  const readers = CONTROLS.map((control) => slider(place, control));
  const seed = seedField(place);
  return () => ({ ...Object.assign({}, ...readers.map((read) => read())), seed: seed() });
}

function slider(place: HTMLElement, control: Control): () => SamplingOptions {
  const { name, label, meaning, min, max, step, value, off } = control;
  const input = make("input", "slider");
  Object.assign(input, { type: "range", id: name, min, max, step, value });
  input.setAttribute("aria-describedby", `${name}-meaning`);
  const title = make("label", "", label);
  title.htmlFor = name;
  const shown = make("output", "");
  shown.htmlFor.add(name);
  const help = make("p", "help", meaning);
  help.id = `${name}-meaning`;
  const isOff = () => off !== undefined && input.valueAsNumber === off[0];
  const show = () => {
    const text = isOff() && off ? off[1] : String(Number(input.valueAsNumber.toFixed(2)));
    shown.textContent = text;
    input.setAttribute("aria-valuetext", text);
    input.style.setProperty("--share", String((input.valueAsNumber - min) / (max - min)));
  };
  input.addEventListener("input", show);
  show();
  place.append(make("div", "control", title, shown, input, help));
  return () => isOff() ? {} : { [name]: input.valueAsNumber };
}

/** The seed: a new one for each text unless a person gives one. */
function seedField(place: HTMLElement): () => number {
  const input = make("input", "seed");
  Object.assign(input, { type: "text", id: "seed", inputMode: "numeric", placeholder: "new each time" });
  input.autocomplete = "off";
  input.setAttribute("aria-describedby", "seed-meaning");
  const title = make("label", "", "Seed");
  title.htmlFor = "seed";
  const help = make("p", "help", "The same number writes the same text again.");
  help.id = "seed-meaning";
  place.append(make("div", "control", title, input, help));
  input.addEventListener("input", () => void (input.value = input.value.replace(/\D/g, "").slice(0, 9)));
  return () => {
    if (input.value !== "") return Number(input.value);
    const seed = Math.floor(Math.random() * 1e9);
    input.placeholder = `new each time, last ${seed}`;
    return seed;
  };
}
