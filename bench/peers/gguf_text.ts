/**
 * Tokens as texts: llama.cpp's server takes prompts and gives answers as texts.
 *
 * @module
 */

/** Tokens as a text: each is found in it as it is. */
export function ggufText(tokens: readonly number[]): string {
  return tokens.map((id) => `<${id}>`).join("");
}

/** The tokens of a text. */
export function ggufTokens(text: string): number[] {
  return [...text.matchAll(/<(\d+)>/g)].map(([, id]) => Number(id));
}
