/**
 * Decompresses zstd (RFC 8878). The package does it block by block, but checks neither the size of the window that a
 * frame asks for nor the hash at its end; so frames are taken apart here.
 *
 * @module
 */

import { type ByteReader, readerOf } from "../../files/byte_source.ts";

/** The package that decompresses, loaded by those who have such a file. */
const unpacking = () => import("../packages/zstd.ts");

/** What frames begin with: those of data, and those to skip, whose last four bits are free. */
const [FRAME, SKIPPABLE] = [0xfd2fb528, 0x184d2a50];

/** Bytes of a frame's window at most, as `zstd` has it, and of a block, as the format has it. */
const [MOST_WINDOW, MOST_BLOCK] = [1 << 27, 1 << 17];

/** Kinds of blocks: what is repeated, and what is not to be. */
const [REPEATED, RESERVED] = [1, 3];

/** The head of a frame. */
interface FrameHead {
  readonly bytes: Uint8Array;
  readonly hasHash: boolean;
}

/**
 * The bytes of all frames.
 *
 * @throws {Error} Where a frame is broken or asks for too much; for the caller to quote.
 */
export async function* unpackZstd(packed: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  const { Decompress, xxhash } = await unpacking();
  const { create64 } = await xxhash();
  const reader = readerOf(packed);
  try {
    while (true) {
      const magic = new Uint8Array(4);
      const found = await reader.read(magic);
      if (found === 0) return;
      if (found < magic.length) throw new Error("it ends within a frame");
      const kind = number(magic);
      if ((kind & ~15) === SKIPPABLE) {
        await skipFrame(reader);
        continue;
      }
      if (kind !== FRAME) throw new Error("it is no zstd, or something stands behind it");
      const head = await readHead(reader, magic);
      let blocks: Uint8Array[] = [];
      const decompressor = new Decompress((block) => void blocks.push(block));
      const hash = create64();
      decompressor.push(head.bytes);
      const take = () => {
        const taken = blocks;
        blocks = [];
        for (const block of taken) if (head.hasHash) hash.update(block);
        return taken;
      };
      for (let isLast = false; !isLast;) {
        const block = await readBlock(reader);
        decompressor.push(block.bytes);
        yield* take();
        isLast = block.isLast;
      }
      const end = await exactly(reader, head.hasHash ? 4 : 0);
      decompressor.push(end, true);
      yield* take();
      if (head.hasHash && number(end) !== Number(hash.digest() & 0xffffffffn)) {
        throw new Error("what came of it is not what its hash is of");
      }
    }
  } finally {
    await reader.close();
  }
}

async function readHead(reader: ByteReader, magic: Uint8Array): Promise<FrameHead> {
  const [flags = 0] = await exactly(reader, 1);
  const isSingle = (flags & 32) !== 0;
  const idBytes = [0, 1, 2, 4][flags & 3] ?? 0;
  const sizeBytes = [isSingle ? 1 : 0, 2, 4, 8][flags >> 6] ?? 0;
  const rest = await exactly(reader, (isSingle ? 0 : 1) + idBytes + sizeBytes);
  const [window = 0] = rest;
  const size = rest.subarray(rest.length - sizeBytes);
  const room = isSingle ? number(size) : 2 ** (10 + (window >> 3)) * (1 + (window & 7) / 8);
  if (room > MOST_WINDOW) throw new Error(`it asks for a window of ${room} bytes, and ${MOST_WINDOW} are the most`);
  if (rest.subarray(isSingle ? 0 : 1, rest.length - sizeBytes).some((byte) => byte !== 0)) {
    throw new Error("it was compressed with a dictionary");
  }
  return { bytes: Uint8Array.from([...magic, flags, ...rest]), hasHash: (flags & 4) !== 0 };
}

async function readBlock(reader: ByteReader): Promise<{ readonly bytes: Uint8Array; readonly isLast: boolean }> {
  const head = await exactly(reader, 3);
  const value = number(head);
  const [isLast, kind, size] = [(value & 1) !== 0, (value >> 1) & 3, value >> 3];
  if (kind === RESERVED || size > MOST_BLOCK) throw new Error("it has a block that can't be");
  const bytes = new Uint8Array(head.length + (kind === REPEATED ? 1 : size));
  bytes.set(head);
  bytes.set(await exactly(reader, bytes.length - head.length), head.length);
  return { bytes, isLast };
}

async function skipFrame(reader: ByteReader): Promise<void> {
  const scratch = new Uint8Array(MOST_BLOCK);
  for (let left = number(await exactly(reader, 4)); left > 0;) {
    left -= (await exactly(reader, Math.min(left, MOST_BLOCK), scratch)).length;
  }
}

async function exactly(reader: ByteReader, count: number, room = new Uint8Array(count)): Promise<Uint8Array> {
  const bytes = room.subarray(0, count);
  if (await reader.read(bytes) === count) return bytes;
  throw new Error("it ends within a frame");
}

/** A number whose lowest byte comes first. */
function number(bytes: Uint8Array): number {
  return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
}
