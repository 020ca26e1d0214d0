/**
 * The page: connects what a person does with the parts that do it.
 *
 * @module
 */

import "@fontsource-variable/instrument-sans/wght.css";
import "@fontsource-variable/newsreader/wght.css";
import { measure } from "./benchmark.ts";
import { Desk } from "./desk.ts";
import { byId, clearError, say, showError, speed } from "./dom.ts";
import { chosenFiles, onDrop, placeOfFiles } from "./dropped_files.ts";
import { Loader } from "./loader.ts";
import { type LoadedModel, placeOf } from "./model.ts";
import { workOffline } from "./offline.ts";
import { samplingControls } from "./sampling.ts";
import { themeSwitch } from "./theme.ts";

/** The model that is served beside the page. */
const DEMO = { ...placeOf("./model/"), name: "Shakespeare" };

const desk = new Desk(samplingControls(byId("sampling", HTMLElement)));
let loaded: LoadedModel | undefined;
let measuring: AbortController | undefined;
/** Settles when nothing is measured. */
let measured: Promise<void> = Promise.resolve();

const loader = new Loader(async (changed) => {
  loaded = changed;
  measuring?.abort();
  await measured;
  await desk.stop();
  desk.use(changed);
});

themeSwitch(byId("theme", HTMLButtonElement));
startSection();
measureSection();
// Threads join while the first text is written.
setInterval(() => loader.describe(), 1000);
workOffline({
  canReload: () => loader.isIdle,
  onUpdate(take) {
    byId("update-now", HTMLButtonElement).addEventListener("click", take);
    byId("update", HTMLElement).hidden = false;
  },
}).catch(console.warn); // Without a service worker the page works as long as there is a network.

/** The ways to a model. */
function startSection(): void {
  const location = byId("location", HTMLInputElement);
  byId("load-demo", HTMLButtonElement).addEventListener("click", () => void loader.load(DEMO));
  byId("open-form", HTMLFormElement).addEventListener("submit", (event) => {
    event.preventDefault();
    const place = location.value.trim();
    if (place === "") location.focus();
    else void loader.load(placeOf(place));
  });
  onDrop(byId("drop", HTMLElement), (files) => {
    files.then((found) => loader.load(placeOfFiles(found)))
      .catch((error) => showError(byId("start-error", HTMLElement), error));
  });
  for (const [button, field] of [["choose-files", "files"], ["choose-folder", "folder"]] as const) {
    const input = byId(field, HTMLInputElement);
    byId(button, HTMLButtonElement).addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      if (input.files?.length) void loader.load(placeOfFiles(chosenFiles(input.files)));
      input.value = "";
    });
  }
}

/** The benchmark. */
function measureSection(): void {
  byId("measure", HTMLButtonElement).addEventListener("click", () => {
    if (measuring) measuring.abort();
    else if (loaded) measured = showMeasured(loaded);
  });
}

async function showMeasured(of: LoadedModel): Promise<void> {
  const button = byId("measure", HTMLButtonElement);
  const error = byId("measure-error", HTMLElement);
  measuring = new AbortController();
  const { signal } = measuring;
  clearError(error);
  button.textContent = "Stop";
  say("Measuring");
  try {
    await desk.stop();
    const { prefill, decode } = await measure(of, signal);
    byId("prefill", HTMLOutputElement).value = `${speed(prefill)} tokens/s`;
    byId("decode", HTMLOutputElement).value = `${speed(decode)} tokens/s`;
    say(`Reads ${speed(prefill)} and writes ${speed(decode)} tokens per second`);
  } catch (fault) {
    showError(error, fault);
  } finally {
    measuring = undefined;
    button.textContent = "Measure";
  }
}
