/**
 * Post-processors: the special tokens around a text, or around and between two.
 *
 * @module
 */

import { show } from "../../../common/show.ts";
import { TokenizerError } from "../../../errors.ts";
import type { Encoding } from "./encoding.ts";
import { isTokenId } from "./section.ts";
import type { Section } from "./section.ts";

/** Puts special tokens around texts. */
export interface PostProcessor {
  /** How many tokens it adds to a text, or to a pair. */
  added(isPair: boolean): number;
  /** Adds them, and says which text each token belongs to. The parts that it gives are put together. */
  process(encodings: Encoding[], addsSpecialTokens: boolean): Encoding[];
}

/** Reads a post-processor. */
export function readPostProcessor(section: Section): PostProcessor {
  switch (section.type) {
    case "Sequence":
      return sequence(section.sections("processors").map(readPostProcessor));
    case "ByteLevel":
      return { added: () => 0, process: (encodings) => encodings }; // it is about offsets
    case "BertProcessing":
      // Rust tells the two by their fields.
      return section.has("trim_offsets") && section.has("add_prefix_space") ? roberta(section) : bert(section);
    case "RobertaProcessing":
      return roberta(section);
    case "TemplateProcessing":
      return template(section);
    default:
      throw section.unknownType();
  }
}

function sequence(processors: readonly PostProcessor[]): PostProcessor {
  return {
    added: (isPair) => processors.reduce((sum, processor) => sum + processor.added(isPair), 0),
    process: (encodings, addsSpecialTokens) =>
      processors.reduce((parts, processor) => processor.process(parts, addsSpecialTokens), encodings),
  };
}

/** [CLS] first [SEP] second [SEP] */
function bert(section: Section): PostProcessor {
  const cls = section.tokenAndId("cls");
  const sep = section.tokenAndId("sep");
  return {
    added: (isPair) => isPair ? 3 : 2,
    process: (encodings, addsSpecialTokens) => {
      if (!addsSpecialTokens) return encodings;
      return encodings.map(({ ids, typeIds }, index) =>
        index === 0
          ? { ids: [cls, ...ids, sep], typeIds: [0, ...typeIds, 0] }
          : { ids: [...ids, sep], typeIds: [...typeIds, 1] }
      );
    },
  };
}

/** <s> first </s> </s> second </s>, all of them of type 0. */
function roberta(section: Section): PostProcessor {
  const cls = section.tokenAndId("cls");
  const sep = section.tokenAndId("sep");
  return {
    added: (isPair) => isPair ? 4 : 2,
    process: (encodings, addsSpecialTokens) =>
      encodings.map(({ ids }, index) => {
        const framed = addsSpecialTokens ? [index === 0 ? cls : sep, ...ids, sep] : ids;
        return { ids: framed, typeIds: framed.map(() => 0) };
      }),
  };
}

/** A place in a template: a text, or special tokens. */
type Place = { readonly text: 0 | 1; readonly typeId: number } | { readonly special: string; readonly typeId: number };

function template(section: Section): PostProcessor {
  const single = section.sections("single").map(readPlace);
  const pair = section.sections("pair").map(readPlace);
  const specials = section.section("special_tokens");
  const idsOf = (name: string): number[] => {
    const ids = specials.section(name).list("ids");
    if (ids.every(isTokenId)) return [...ids];
    throw section.refuse(`the ids of its special token ${show(name)} must be token ids, got ${show(ids)}`);
  };
  const special = new Map<string, number[]>();
  for (const place of [...single, ...pair]) {
    if ("special" in place) special.set(place.special, idsOf(place.special));
  }
  const placeSize = (place: Place) => "special" in place ? special.get(place.special)?.length ?? 0 : 0;
  return {
    added: (isPair) => (isPair ? pair : single).reduce((sum, place) => sum + placeSize(place), 0),
    process: (encodings, addsSpecialTokens) => {
      if (encodings.length > 2) throw section.refuse("it follows a post-processor that has made parts of its own");
      return (encodings.length === 2 ? pair : single).flatMap((place) => {
        const isSpecial = "special" in place;
        if (isSpecial && !addsSpecialTokens) return [];
        const ids = isSpecial ? special.get(place.special) : encodings[place.text]?.ids;
        if (ids === undefined) throw new TokenizerError(NO_SECOND);
        return [{ ids, typeIds: ids.map(() => place.typeId) }];
      });
    },
  };
}

const NO_SECOND = "Cannot encode a single text: the tokenizer's template for one text asks for a second; give a pair";

function readPlace(section: Section): Place {
  if (section.has("SpecialToken")) {
    const token = section.section("SpecialToken");
    return { special: token.string("id"), typeId: token.count("type_id") };
  }
  const sequence = section.section("Sequence");
  return { text: sequence.choice("id", ["A", "B"]) === "A" ? 0 : 1, typeId: sequence.count("type_id") };
}
