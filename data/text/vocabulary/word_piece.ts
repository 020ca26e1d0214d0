/**
 * WordPiece: a word is the longest token that begins it, then the longest that goes on, to its end, or it is unknown.
 *
 * @module
 */

import type { Section } from "../pipeline/section.ts";
import type { Model } from "./model.ts";
import { Trie } from "./trie.ts";
import { unknownToken } from "./unknown.ts";
import { readVocabulary } from "./vocabulary.ts";

/** Reads a model of this type. */
export function readWordPiece(section: Section): Model {
  const vocabulary = readVocabulary(section);
  const unknown = unknownToken(vocabulary, section.string("unk_token"));
  const longest = section.count("max_input_chars_per_word");
  const trie = new Trie();
  vocabulary.forEach((token, id) => trie.add(token, id));
  const continuing = trie.walk(section.string("continuing_subword_prefix"));
  return { vocabulary, encode: (word) => isLonger(word, longest) ? [unknown()] : (cut(word) ?? [unknown()]) };

  function cut(word: string): number[] | undefined {
    const ids: number[] = [];
    let start = 0;
    while (start < word.length) {
      let node = start === 0 ? Trie.ROOT : continuing;
      let id = Trie.NONE;
      let end = start;
      for (let i = start; i < word.length && node !== Trie.NONE; i++) {
        node = trie.child(node, word.charCodeAt(i));
        const found = node === Trie.NONE ? Trie.NONE : trie.valueOf(node);
        if (found === Trie.NONE) continue;
        id = found;
        end = i + 1;
      }
      if (id === Trie.NONE) return undefined;
      ids.push(id);
      start = end;
    }
    return ids;
  }
}

/** Whether a word has more characters than this. */
function isLonger(word: string, characters: number): boolean {
  return word.length > characters && (word.length > 2 * characters || [...word].length > characters);
}
