/**
 * The allocator of a WebAssembly memory.
 *
 * @module
 */

import { OutOfMemoryError } from "../../errors.ts";
import { PAGE } from "../records/constants.ts";

/** What a block is for, as `OutOfMemoryError` reports it. */
export type Purpose = "weights" | "caches" | "activations" | "engine";

/** A block of memory. */
export interface Block {
  /** Byte address, a multiple of 64. */
  readonly address: number;
  /** Bytes taken, a multiple of 64. */
  readonly bytes: number;
  readonly purpose: Purpose;
  /** Whether nothing has been written here yet, so that it is zero. */
  readonly isFresh: boolean;
}

/** A gap between blocks. */
interface Gap {
  address: number;
  bytes: number;
}

/** Blocks begin at cache lines. */
const ALIGNMENT = 64;
/**
 * One page less than a 32-bit memory can have, because the end of a block must not be 2^32: kernels would take it for
 * 0.
 */
const LIMIT = 65535 * PAGE;
/** Memory grows by at least this, so that the many small tensors of a step don't each grow it. */
const GROWTH = 16 << 20;

/** The bytes in which an allocator works. */
export interface AddressSpace {
  /** How many there are. */
  readonly bytes: number;
  /** Adds pages at the end; false if the host gives no more. */
  grow(pages: number): boolean;
}

/** Best-fit allocator over one WebAssembly memory, which it grows when nothing fits. */
export class Memory {
  readonly #space: AddressSpace;
  /** Ordered by address, never adjacent. */
  readonly #gaps: Gap[] = [];
  readonly #held: Record<Purpose, number> = { weights: 0, caches: 0, activations: 0, engine: 0 };
  /** End of what was ever allocated. */
  #used: number;

  /** Allocates in `space` from the byte address `base` on. */
  constructor(space: AddressSpace, base: number) {
    this.#space = space;
    this.#used = roundUp(base, ALIGNMENT);
    this.#addGap({ address: this.#used, bytes: space.bytes - this.#used });
  }

  /** Bytes that are held for a purpose. */
  held(purpose: Purpose): number {
    return this.#held[purpose];
  }

  /**
   * Takes a block.
   *
   * @throws {OutOfMemoryError} If the host gives no more memory.
   */
  allocate(bytes: number, purpose: Purpose): Block {
    const size = Math.max(roundUp(bytes, ALIGNMENT), ALIGNMENT);
    const gap = this.#bestFit(size) ?? this.#grow(size, purpose);
    const block = { address: gap.address, bytes: size, purpose, isFresh: gap.address >= this.#used };
    gap.address += size;
    gap.bytes -= size;
    if (gap.bytes === 0) this.#gaps.splice(this.#gaps.indexOf(gap), 1);
    this.#used = Math.max(this.#used, gap.address);
    this.#held[purpose] += size;
    return block;
  }

  /** Gives a block back. */
  free({ address, bytes, purpose }: Block): void {
    this.#held[purpose] -= bytes;
    this.#addGap({ address, bytes });
  }

  /** The smallest gap that holds `bytes`. */
  #bestFit(bytes: number): Gap | undefined {
    let best: Gap | undefined;
    for (const gap of this.#gaps) {
      if (gap.bytes >= bytes && (best === undefined || gap.bytes < best.bytes)) best = gap;
    }
    return best;
  }

  /** A gap of at least `bytes` at the end of the grown memory. */
  #grow(bytes: number, purpose: Purpose): Gap {
    const end = this.#space.bytes;
    const last = this.#gaps.at(-1);
    const free = last && last.address + last.bytes === end ? last.bytes : 0;
    const needed = Math.ceil((bytes - free) / PAGE);
    const most = (LIMIT - end) / PAGE;
    const wanted = Math.min(Math.max(needed, Math.ceil(Math.max(GROWTH, end / 8) / PAGE)), most);
    const grown = needed > most ? undefined : [wanted, needed].find((pages) => this.#space.grow(pages));
    if (grown === undefined) this.#refuse(bytes, purpose);
    return this.#addGap({ address: end, bytes: grown * PAGE });
  }

  /** Adds a gap, joined with those that touch it. */
  #addGap(gap: Gap): Gap {
    const next = this.#gaps.findIndex(({ address }) => address > gap.address);
    const index = next < 0 ? this.#gaps.length : next;
    const [before, after] = [this.#gaps[index - 1], this.#gaps[index]];
    if (after && gap.address + gap.bytes === after.address) {
      gap.bytes += after.bytes;
      this.#gaps.splice(index, 1);
    }
    if (before && before.address + before.bytes === gap.address) {
      before.bytes += gap.bytes;
      return before;
    }
    this.#gaps.splice(index, 0, gap);
    return gap;
  }

  #refuse(bytes: number, purpose: Purpose): never {
    const held = Object.entries(this.#held).map(([name, size]) => `${name} ${megabytes(size)}`).join(", ");
    throw new OutOfMemoryError(
      `Cannot allocate ${megabytes(bytes)} for ${purpose}: the WebAssembly memory has ${
        megabytes(this.#space.bytes)
      } (of at most ${
        megabytes(LIMIT)
      }) and the host gives no more; held are ${held}. Dispose of what is not needed, ` +
        `use a smaller weight format, or shorter sequences and smaller batches`,
    );
  }
}

function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

function megabytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(bytes < 10 * 2 ** 20 ? 2 : 0)} MiB`;
}
