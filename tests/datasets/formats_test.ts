/** Tables and compressed files: what is in them, and what is refused of broken ones. 9 s. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";
import { unpackZstd } from "../../data/datasets/formats/zstd.ts";
import { DatasetError } from "../../errors.ts";
import { bytesSource } from "../../data/files/byte_source.ts";
import { rowsOf } from "../../data/datasets/formats/rows.ts";
import { RandomValues } from "../../engine/reference/random_values.ts";

const encoder = new TextEncoder();
const OPTIONS = { textColumn: "text", isLinePerDocument: true };

/** The texts of a file, and the messages of its rows that have none. */
async function read(name: string, content: string | Uint8Array, from = 0): Promise<string[]> {
  const bytes = typeof content === "string" ? encoder.encode(content) : content;
  const found: string[] = [];
  for await (const each of rowsOf(bytesSource(bytes, name), { row: from }, OPTIONS)) {
    found.push("text" in each ? each.text : each.fault.message);
  }
  return found;
}

function zstd(content: string | Uint8Array, withHash = true): Uint8Array {
  return zstdCompressSync(content, { params: { [constants.ZSTD_c_checksumFlag]: withHash ? 1 : 0 } });
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** A copy with one bit changed. */
function spoiled(bytes: Uint8Array, place: number): Uint8Array {
  return bytes.with(place < 0 ? bytes.length + place : place, (bytes.at(place) ?? 0) ^ 1);
}

Deno.test("tables have quotes, line breaks within fields, and names of columns in their first row", async () => {
  const texts = ["plain", "with, comma", 'with "quotes"', "two\nlines", "", "tab\tinside", "ünï → 漢字 😀"];
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  for (const [name, delimiter] of [["a.csv", ","], ["a.tsv", "\t"]] as const) {
    for (const end of ["\n", "\r\n"]) {
      const rows = texts.map((text, i) => [i, quoted(text), "x"].join(delimiter));
      const file = ["\ufeffid,text,more".replaceAll(",", delimiter), ...rows].join(end);
      assertEquals(await read(name, file), texts);
      assertEquals(await read(name, `${file}${end}`), texts);
      assertEquals(await read(name, file, 5), texts.slice(5));
    }
  }
  assertEquals(await read("one.csv", "text\na\n\nb"), ["a", "b"]);
  assertEquals(await read("empty.csv", "text\n"), []);
});

Deno.test("tables of any texts are read as they were written, wherever pieces of them end", async () => {
  const random = new RandomValues(7);
  const alphabet = ["a", " ", ",", '"', "\n", "é", "😀", "\r\n", "b"];
  const texts = Array.from(
    { length: 60_000 },
    (_, i) => "x" + Array.from({ length: i % 50 }, () => alphabet[random.integer(0, 8)]).join("") + "x",
  );
  texts[100] = "long ".repeat(900_000);
  const file = `text,id\n${texts.map((text, i) => `"${text.replaceAll('"', '""')}",${i}`).join("\n")}`;
  const bytes = encoder.encode(file);
  assert(bytes.length > 5_000_000);
  assertEquals(await read("a.csv", bytes), texts);
});

Deno.test("tables that are not right are refused by row", async () => {
  assertEquals(await read("a.csv", "id,text\n1,a\n2\n3,b,c\n4,d"), [
    "a",
    "Cannot read row 1 of a.csv: it has 1 fields, and there are 2 columns",
    "Cannot read row 2 of a.csv: it has 3 fields, and there are 2 columns",
    "d",
  ]);
  const [missing = ""] = await read("a.csv", "id,body\n1,a");
  assert(missing.includes('it has no column "text"; its columns are "id", "body"'), missing);
  const refused = [
    ['id,text\n1,a\n2,"b\n3,c', "Cannot read row 1 of a.csv: a quote is missing"],
    ['id,text\n1,a\n2,b\n3,"c"d\n4,e', "Cannot read row 2 of a.csv: a quote is missing or out of place"],
    ["text,text\na,b", 'its first row names the column "text" twice'],
    [joined(encoder.encode("text\na\n"), Uint8Array.of(0xff)), "it is not UTF-8"],
  ] as const;
  for (const [file, message] of refused) await assertRejects(() => read("a.csv", file), DatasetError, message);
});

Deno.test("a line that is not UTF-8 is a row without a text", async () => {
  const bytes = joined(encoder.encode("one\n"), Uint8Array.of(0xff, 10), encoder.encode("three"));
  const [one, two = "", three] = await read("a.txt", bytes);
  assertEquals([one, three], ["one", "three"]);
  assert(two.startsWith("Cannot read row 1 of a.txt: it is not UTF-8"), two);
});

Deno.test("gzip and zstd give the same rows, in one part or several", async () => {
  const lines = Array.from({ length: 50_000 }, (_, i) => `line ${i * 7919 % 10_007} of them`);
  const [first, second] = [lines.slice(0, 20_000), lines.slice(20_000)].map((part) => `${part.join("\n")}\n`);
  const skipped = Uint8Array.of(0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3);
  const files = {
    "a.txt.gz": gzipSync(lines.join("\n")),
    "b.txt.gz": joined(gzipSync(first ?? ""), gzipSync(second ?? "")),
    "c.txt.zst": zstd(lines.join("\n")),
    "d.txt.zst": joined(skipped, zstd(first ?? ""), skipped, zstd(second ?? "", false)),
  };
  for (const [name, bytes] of Object.entries(files)) assertEquals(await read(name, bytes), lines, name);
  assertEquals(await read("e.csv.zst", zstd("text\na")), ["a"]);
  assertEquals(await read("f.txt.zst", zstd("")), []);
  // What the format has for bytes that don't shrink, and for one that is repeated.
  const random = new RandomValues(1);
  const noise = Uint8Array.from({ length: 300_000 }, () => random.integer(0, 255));
  const mixed = joined(noise, new Uint8Array(500_000), noise);
  assertEquals(await unpacked(zstd(mixed)), mixed);
});

async function unpacked(bytes: Uint8Array): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of unpackZstd(inPieces(bytes, 999))) pieces.push(piece);
  return new Uint8Array(await new Blob(pieces as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += size) yield bytes.subarray(start, start + size);
}

Deno.test("compressed files that are cut off or spoiled are refused, and the row is said", async () => {
  const random = new RandomValues(5);
  const lines = Array.from({ length: 100_000 }, (_, i) => `line ${i} ${random.integer(0, 1e9)}`).join("\n");
  for (const [name, bytes] of [["a.txt.gz", gzipSync(lines)], ["a.txt.zst", zstd(lines)]] as const) {
    for (const broken of [bytes.subarray(0, bytes.length >> 1), bytes.subarray(0, -3), spoiled(bytes, -5)]) {
      const { message } = await assertRejects(() => read(name, broken), DatasetError);
      const row = Number(/^Cannot read from row (\d+) on: Cannot decompress a\.txt\.(gz|zst): /.exec(message)?.[1]);
      assert(row > 1000 && row < 100_000, message);
    }
    await assertRejects(() => read(name, joined(bytes, encoder.encode("more"))), DatasetError, "Cannot decompress");
    await assertRejects(() => read(name, "no such thing"), DatasetError, "Cannot decompress");
  }
  const whole = zstd(lines.slice(0, 5000));
  for (let place = 0; place < whole.length; place += 7) {
    await read("a.txt.zst", spoiled(whole, place)).then(
      (found) => assertEquals(found.join("\n"), lines.slice(0, 5000), `byte ${place}`),
      (error) => assert(error instanceof DatasetError, String(error)),
    );
  }
});

Deno.test("files that would grow without end are refused", async () => {
  const empty = new Uint8Array(1 << 27);
  const bomb = zstd(empty);
  // Lines without a text are skipped, so that only the ratio can tell.
  empty.fill(32);
  for (let end = 0; end < empty.length; end += 1 << 16) empty[end] = 10;
  const blank = zstd(empty);
  assert(bomb.length < 20_000);
  await assertRejects(
    () => read("a.txt.zst", joined(bomb, bomb, bomb)),
    DatasetError,
    "it has more than 268435456 bytes",
  );
  await assertRejects(() => read("a.jsonl.zst", joined(blank, blank, blank)), DatasetError, "as no real file does");
  const window = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0xa8, 1, 0, 0);
  await assertRejects(() => read("a.txt.zst", window), DatasetError, "it asks for a window of 2147483648 bytes");
});
