/**
 * Prompts in the forms that people have them, as rows of token ids of their own lengths.
 *
 * @module
 */

import type { Tensor } from "../../../backend/memory.ts";
import { ConfigError, ShapeError } from "../../../errors.ts";
import { checkTokenTensor, isTensor, readRowsOfTokens, type TokensInput } from "../../language/tokens.ts";

/**
 * One prompt: token ids, a tokenizer's batch of one text, or an int32 tensor [1, n].
 *
 * @category Generation
 */
export type PromptInput = TokensInput;

/**
 * Prompts of any lengths, a tokenizer's batch padded on either side, or an int32 tensor [b, n].
 *
 * @category Generation
 */
export type PromptsInput = TokensInput | readonly Int32Array[];

/**
 * The same on the host.
 *
 * @category Generation
 */
export type HostPromptsInput = Exclude<PromptsInput, Tensor>;

/**
 * Token ids of each prompt, without padding.
 *
 * @param what What is done with it, for messages.
 * @throws {ShapeError} For a prompt without tokens.
 * @throws {ConfigError} For an id outside the vocabulary.
 */
export async function readPrompts(prompts: PromptsInput, numTokens: number, what = "continue"): Promise<number[][]> {
  const rows = readRows(isTensor(prompts) ? await rowsOnHost(prompts) : prompts, numTokens);
  const empty = rows.findIndex((row) => row.length === 0);
  if (empty >= 0) throw emptyPrompt(rows.length === 1 ? "" : ` (row ${empty})`, what);
  return rows;
}

/** As `readPrompts`, of exactly one prompt. */
export async function readPrompt(prompt: PromptInput, numTokens: number, what = "continue"): Promise<number[]> {
  const [row, ...others] = await readPrompts(prompt, numTokens, what);
  if (!row) throw emptyPrompt("", what);
  if (others.length > 0) {
    const method = what === "score" ? "score" : "generate";
    throw new ShapeError(`Cannot ${what} ${others.length + 1} prompts at once with ${method}: use ${method}Batch`);
  }
  return row;
}

/**
 * Token ids of any number of rows, which may be empty.
 *
 * @throws {ConfigError} For anything but ids of the vocabulary.
 */
export function readRows(prompts: HostPromptsInput, numTokens: number): number[][] {
  if (isTensor(prompts)) {
    throw new ConfigError("Cannot append tokens on the device: read them with data(), and give a list of token ids");
  }
  return readRowsOfTokens(prompts, numTokens);
}

/** The error for a text that has no token to continue. */
export function emptyPrompt(where = "", what = "continue"): ShapeError {
  return new ShapeError(
    `Cannot ${what} an empty prompt${where}: give at least one token, such as the tokenizer's eos token`,
  );
}

async function rowsOnHost(tokens: Tensor): Promise<number[][]> {
  checkTokenTensor(tokens, Infinity);
  const [b = 0, n = 0] = tokens.shape;
  const ids = Array.from(await tokens.data());
  return Array.from({ length: b }, (_, row) => ids.slice(row * n, (row + 1) * n));
}
