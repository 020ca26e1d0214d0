/**
 * The files of a tokenizer, such that loading them gives the same tokenizer without options.
 *
 * @module
 */

import { isRecord } from "../../common/record.ts";
import { show } from "../../common/show.ts";
import { TokenizerError } from "../../errors.ts";
import type { AddedToken } from "./pipeline/added_tokens.ts";
import type { Pipeline } from "./pipeline/pipeline.ts";
import { readPipeline } from "./pipeline/pipeline.ts";
import { chooseSpecialTokens } from "./special_tokens.ts";
import type { SpecialTokens } from "./special_tokens.ts";
import { CONFIG_FILE, filesOf, TOKENIZER_FILE } from "./tokenizer_files.ts";
import type { TokenizerFiles } from "./tokenizer_files.ts";

/**
 * Makes the two files.
 *
 * @param files The files that the tokenizer was loaded from.
 * @param pipeline The tokenizer with the special tokens added.
 * @param special The decided special tokens.
 * @returns Their bytes by their names. tokenizer.json is what it was to the byte, unless tokens were added.
 * @throws {TokenizerError} If the format can't express the tokenizer.
 */
export function tokenizerFiles(
  files: Omit<TokenizerFiles, "tokenizer">,
  pipeline: Pipeline,
  special: SpecialTokens,
): ReadonlyMap<string, Uint8Array> {
  const { eosToken, padToken, modelMaxLength } = special;
  const { added } = pipeline.tokens;
  const config = {
    tokenizer_class: "PreTrainedTokenizerFast",
    ...files.config,
    model_max_length: modelMaxLength,
    ...(eosToken === undefined ? {} : { eos_token: eosToken }),
    // Without an end, the padding is what tokenizer.json says.
    ...(eosToken === undefined && !special.added.includes(padToken ?? "") ? {} : { pad_token: padToken }),
  };
  const tokenizer = added.length > 0 || !(files.source instanceof Uint8Array)
    ? encode(withTokens(files.source, added, pipeline))
    : files.source;
  const written = new Map([[TOKENIZER_FILE, tokenizer], [CONFIG_FILE, encode(config)]]);
  checkSame(filesOf(tokenizer, config), pipeline, special);
  return written;
}

function encode(json: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(json, null, 2) + "\n");
}

/** tokenizer.json with more added tokens. */
function withTokens(source: TokenizerFiles["source"], added: readonly AddedToken[], { tokens }: Pipeline): unknown {
  const json: unknown = source instanceof Uint8Array ? JSON.parse(new TextDecoder().decode(source)) : source;
  if (added.length === 0 || !isRecord(json)) return json;
  const before = Array.isArray(json["added_tokens"]) ? json["added_tokens"] : [];
  const entries = added.map(({ content, singleWord, ...others }) => (
    { id: tokens.idOf(content), content, single_word: singleWord, ...others }
  ));
  return { ...json, added_tokens: [...before, ...entries] };
}

/** Refuses files that another tokenizer would be read from: ids of added tokens follow from the vocabulary's size. */
function checkSame(files: TokenizerFiles, pipeline: Pipeline, special: SpecialTokens): void {
  const again = readPipeline(files.tokenizer);
  const chosen = chooseSpecialTokens(files, again, {});
  again.tokens.addMore(chosen.added);
  const ids = new Map(again.tokens.entries());
  for (const [token, id] of pipeline.tokens.entries()) {
    if (ids.get(token) === id) continue;
    throw new TokenizerError(
      `Cannot save the tokenizer: ${show(token)} would get the id ${ids.get(token)} in place of ${id}, because the ` +
        `vocabulary leaves numbers out; give the model's vocabulary an entry for it`,
    );
  }
  if (
    ids.size === [...pipeline.tokens.entries()].length && chosen.eosToken === special.eosToken &&
    chosen.padToken === special.padToken
  ) return;
  throw new TokenizerError(
    `Cannot save the tokenizer: its files can't say that ${show(special.eosToken)} ends and ${
      show(special.padToken)
    } ` +
      `pads; load it with options that its files can hold`,
  );
}
