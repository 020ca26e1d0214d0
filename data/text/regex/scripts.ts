/**
 * The script of a character, as the pre-tokenizer UnicodeScripts and SentencePiece's trainer know it (of 2016).
 *
 * @module
 */

import { characters } from "./characters.ts";

/** The script of a character; none for spaces and for what the table lacks. Chinese and Japanese are one. */
export function scriptOf(character: string): string | undefined {
  const code = character.codePointAt(0) ?? 0;
  if (code === 0x20) return undefined;
  if (code === 0x30fc) return "Han";
  const known = scripts.get(code);
  if (known !== undefined || scripts.has(code)) return known;
  const script = findScript(character, code);
  scripts.set(code, script);
  return script;
}

const scripts = new Map<number, string | undefined>([
  [0x589, "Common"],
  [0x61c, "Common"],
  [0x953, "Devanagari"],
  [0x954, "Devanagari"],
]);

function findScript(character: string, code: number): string | undefined {
  newer ??= characters(NEWER);
  if (newer.has(code)) return undefined;
  tests ??= NAMES.split(" ").map((name) => [name, new RegExp(`^\\p{Script=${name}}`, "u")]);
  const name = tests.find(([, test]) => test.test(character))?.[0];
  return name === "Hiragana" || name === "Katakana" ? "Han" : name;
}

let newer: Set<number> | undefined;
let tests: [string, RegExp][] | undefined;

const NAMES = "Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali " +
  "Bhaiksuki Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma " +
  "Cham Cherokee Common Coptic Cuneiform Cypriot Cyrillic Deseret Devanagari Duployan Egyptian_Hieroglyphs " +
  "Elbasan Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati Gurmukhi Han Hangul Hanunoo Hatran " +
  "Hebrew Hiragana Imperial_Aramaic Inherited Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi " +
  "Kannada Katakana Kayah_Li Kharoshthi Khmer Khojki Khudawadi Lao Latin Lepcha Limbu Linear_A Linear_B " +
  "Lisu Lycian Lydian Mahajani Malayalam Mandaic Manichaean Marchen Meetei_Mayek Mende_Kikakui " +
  "Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar Nabataean New_Tai_Lue Newa " +
  "Nko Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_South_Arabian " +
  "Old_Turkic Oriya Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi " +
  "Rejang Runic Samaritan Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sora_Sompeng Sundanese " +
  "Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangut Telugu Thaana Thai " +
  "Tibetan Tifinagh Tirhuta Ugaritic Vai Warang_Citi Yi";

/** Characters of these scripts that came later. */
const NEWER =
  "128 13 2u 19 db.3 2o.b 5.v 1.2 5.9 l 8.m 88.3 3b 3n.6 2d 4u 1j w p c 2g l c 3 1i.2 1w 78 2 2 1.6 4 7 7.2 " +
  "2 d j 1mm 7 9 6n 2w g6.g 3h 1.2 19.3 7d.2 5.17 2.3 1j 2 6z.5 jo.2 n2 13.3 1gt y.3 c 8.q 4.g 1b 1b dh.p " +
  "bi.4 8e.2 3v.5 10.2 9 7j 59y.a g7q.16 1in 8.m 2.2 1 1.8 l.5 1h 5t.2 h2.6 fva al.g 3j 1a.2 po b4.3 uo.6 " +
  "1.16 1.9 hl.2 i vt.3 1j.4 a8.6 24 a 3a.4 3q.2 33.3 6x 7y 3.4 gm.2 m.k 1i 11.7 o9.g 1s.a x2 f.1e d 3zj.13 " +
  "a.32z 8ju.6 4 1b.9 2i.2 c.2 4qj.b l7.d e8.9 6w7.4 1.7 1.2 3.81 f t.3 2 e.4 594.6y 6.c4 24.1a 2.n 9.38 " +
  "f9.2 5x.k c.k 3i.7 29z.v 6.6 79.1q x 1g0.7 1.4 1.2 1.f 98 md.1w 24.1p r3.3 v 1o.4 1p 4y.6 vh.5 4.4 n.6 " +
  "3b.3 4.5 2d.5 6.c 4 5b.c 4.2 1q.g f 8.8 1.2 c c.4 f.x i.1a 1.43 c.e 2.d 3.a 5.1k 7.f 2.b 6.9 7.43 1.2u " +
  "xr1.9 385.5 4mu.5rl f.ha 3he.3t7 5.38g";
