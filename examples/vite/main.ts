/** Streams text from the model in `public/model`. */

import { AndromedaTokenizer, generateText, loadLanguageModel } from "@andromeda/runtime";

/** Where the model is: a folder beside the page, a URL, or "org/name" on the Hugging Face Hub. */
const source = "./model/";

const form = document.querySelector("form");
const button = document.querySelector("button");
const output = document.querySelector("output");
if (!form || !button || !output) throw new Error("Cannot start the page: index.html lacks its form");

const [tokenizer, model] = await Promise.all([AndromedaTokenizer.load(source), loadLanguageModel(source)])
  .catch((error) => {
    output.textContent = error.message;
    throw error;
  });
button.disabled = false;
button.textContent = "Write";

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const fields = new FormData(form);
  button.disabled = true;
  output.textContent = "";
  try {
    const pieces = generateText(model, tokenizer, String(fields.get("prompt")), {
      maxNewTokens: 200,
      temperature: Number(fields.get("temperature")),
    });
    for await (const text of pieces) output.append(text);
  } catch (error) {
    output.textContent = error instanceof Error ? error.message : String(error);
  } finally {
    button.disabled = false;
  }
});
