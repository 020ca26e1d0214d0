/** Tokenizers small enough to read, in the format of tokenizer.json. */

const latin1 = Array.from({ length: 256 }, (_, byte) => byte);
const isPrintable = (byte: number) =>
  (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || (byte >= 0xae && byte <= 0xff);

/** GPT-2's alphabet in its own order: printable bytes first, then the 68 others, spelled from U+0100 on. */
const alphabet = [
  ...latin1.filter(isPrintable).map((byte) => String.fromCharCode(byte)),
  ...latin1.filter((byte) => !isPrintable(byte)).map((_, i) => String.fromCharCode(256 + i)),
];

/**
 * Byte-level BPE: the 256 bytes, and a few merges, one of them inside a character (the first two bytes of "你" and "佟").
 */
export function byteLevelJson(): Record<string, unknown> {
  const merges = ["h e", "l l", "he ll", "hell o", "Ġ t", "ä ½"];
  const entries = [...alphabet, ...merges.map((merge) => merge.replace(" ", ""))];
  return {
    version: "1.0",
    added_tokens: [{ id: 262, content: "<|endoftext|>", special: true, normalized: false }],
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, use_regex: true },
    post_processor: null,
    decoder: { type: "ByteLevel" },
    model: { type: "BPE", vocab: Object.fromEntries(entries.map((token, id) => [token, id])), merges },
  };
}

/**
 * A tokenizer like those of SentencePiece: "▁" for spaces, and bytes as <0xNN> for characters outside the vocabulary.
 */
export function byteFallbackJson(): Record<string, unknown> {
  const letters = ["▁", ..."abcdefghijklmnopqrstuvwxyz"];
  const bytes = latin1.map((byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
  const merges = ["▁ t", "h e", "▁t he"];
  const entries = ["<unk>", "<s>", "</s>", ...bytes, ...letters, ...merges.map((merge) => merge.replace(" ", ""))];
  return {
    version: "1.0",
    added_tokens: ["<unk>", "<s>", "</s>"].map((content, id) => ({ id, content, special: true, normalized: false })),
    normalizer: {
      type: "Sequence",
      normalizers: [{ type: "Prepend", prepend: "▁" }, { type: "Replace", pattern: { String: " " }, content: "▁" }],
    },
    pre_tokenizer: null,
    post_processor: null,
    decoder: {
      type: "Sequence",
      decoders: [
        { type: "Replace", pattern: { String: "▁" }, content: " " },
        { type: "ByteFallback" },
        { type: "Fuse" },
        { type: "Strip", content: " ", start: 1, stop: 0 },
      ],
    },
    model: {
      type: "BPE",
      byte_fallback: true,
      unk_token: "<unk>",
      fuse_unk: true,
      vocab: Object.fromEntries(entries.map((token, id) => [token, id])),
      merges,
    },
  };
}

/** A tokenizer like BERT's: words and their ends, between [CLS] and [SEP]. */
export function bertJson(): Record<string, unknown> {
  const words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "hello", "wor", "##ld", "a"];
  const vocab = Object.fromEntries(words.map((word, id) => [word, id]));
  return {
    version: "1.0",
    added_tokens: words.slice(0, 4).map((content, id) => ({ id, content, special: true, normalized: false })),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: { type: "BertProcessing", sep: ["[SEP]", 3], cls: ["[CLS]", 2] },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab,
    },
  };
}
