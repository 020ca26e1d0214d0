/**
 * Buffers of a device: made, kept for reuse, destroyed.
 *
 * @module
 */

import { OutOfMemoryError } from "../../errors.ts";
import type { Profile } from "../device/device.ts";
import type { Faults } from "../device/faults.ts";
import type { Origin } from "../dispatch/batches.ts";

/** A buffer with what the engine knows of it. */
export interface GpuBuffer {
  readonly buffer: GPUBuffer;
  readonly bytes: number;
  /** Distinguishes it in keys of bind groups. */
  readonly id: number;
  /** Whether it is kept for reuse when it is released. */
  readonly pooled: boolean;
  /** Number of the last batch of commands that uses it. */
  batch: number;
  /** Batches on whose commands what it holds depends; absent where it is on none. */
  origin: Origin | undefined;
  /** Whether it served before: it holds anything then, else zeros. */
  isUsed: boolean;
  /** Whether the device had no memory for it, which it says later: it must not be used again. */
  isRefused: boolean;
}

const USAGE = 0x4 | 0x8 | 0x40 | 0x80; // COPY_SRC | COPY_DST | UNIFORM | STORAGE

/** Makes buffers and keeps released ones, up to a cap, for the next of their size. */
export class Buffers {
  /** Number of the batch that is being recorded. */
  batch = 0;
  readonly #profile: Profile;
  readonly #faults: Faults;
  readonly #cap: number;
  readonly #onDestroy: (buffer: GpuBuffer) => void;
  /** Kept buffers by size, the last released at the end. */
  readonly #free = new Map<number, GpuBuffer[]>();
  /** Kept buffers in the order of their release. */
  readonly #kept = new Set<GpuBuffer>();
  /** Buffers to destroy once the recorded batch, which uses them, is submitted. */
  readonly #doomed: GpuBuffer[] = [];
  readonly #all = new Set<GpuBuffer>();
  #keptBytes = 0;
  #bytes = 0;
  #made = 0;

  constructor(profile: Profile, faults: Faults, cap: number, onDestroy: (buffer: GpuBuffer) => void) {
    this.#profile = profile;
    this.#faults = faults;
    this.#cap = cap;
    this.#onDestroy = onDestroy;
  }

  /** Bytes of all buffers, those kept for reuse included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes kept for reuse. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** A buffer of at least this size with anything in it; an idle one is not used by the batch being recorded. */
  take(bytes: number, idle = false): GpuBuffer {
    const size = sizeClass(bytes);
    const free = this.#free.get(size) ?? [];
    const index = idle ? free.findLastIndex(({ batch }) => batch !== this.batch) : free.length - 1;
    const [found] = index < 0 ? [] : free.splice(index, 1);
    if (!found) return this.#make(Math.min(size, Math.max(bytes, this.#profile.maxBufferBytes)), true);
    this.#kept.delete(found);
    this.#keptBytes -= found.bytes;
    return found;
  }

  /** A buffer of this size, all zeros, that is not kept when it is released. */
  make(bytes: number): GpuBuffer {
    return this.#make(Math.ceil(Math.max(bytes, 16) / 16) * 16, false);
  }

  /** Gives a buffer back: what is recorded may use it still. */
  release(buffer: GpuBuffer): void {
    if (!buffer.pooled || buffer.isRefused || buffer.bytes > this.#cap) return this.#destroy(buffer);
    buffer.isUsed = true;
    buffer.origin = undefined;
    const free = this.#free.get(buffer.bytes);
    if (free) free.push(buffer);
    else this.#free.set(buffer.bytes, [buffer]);
    this.#kept.add(buffer);
    this.#keptBytes += buffer.bytes;
    for (const oldest of this.#kept) {
      if (this.#keptBytes <= this.#cap) break;
      this.#drop(oldest);
    }
  }

  /** Goes on to the next batch: what the last one used may be destroyed. */
  nextBatch(): void {
    this.batch++;
    for (const buffer of this.#doomed.splice(0)) this.#destroy(buffer);
  }

  /** Destroys every buffer, in use or not. */
  destroyAll(): void {
    for (const { buffer } of this.#all) buffer.destroy();
    this.#all.clear();
    this.#kept.clear();
    this.#free.clear();
    this.#keptBytes = this.#bytes = 0;
  }

  #make(bytes: number, pooled: boolean): GpuBuffer {
    const refusal = () =>
      new OutOfMemoryError(
        `Cannot allocate a buffer of ${bytes} bytes on the GPU: ${this.#bytes} bytes are held, ${this.#keptBytes} of them ` +
          `for reuse, and a buffer may have ${this.#profile.maxBufferBytes}. Dispose of tensors or models, use a smaller ` +
          "batch or a smaller dtype",
      );
    if (bytes > this.#profile.maxBufferBytes) throw refusal();
    const { device } = this.#profile;
    const refuse = () => {
      made.isRefused = true;
      const error = refusal();
      this.#dropAll();
      return error;
    };
    const buffer = this.#faults.scoped(
      "out-of-memory",
      refuse,
      () => device.createBuffer({ size: bytes, usage: USAGE }),
    );
    const id = this.#made++;
    const made: GpuBuffer = {
      buffer,
      bytes,
      id,
      pooled,
      batch: -1,
      origin: undefined,
      isUsed: false,
      isRefused: false,
    };
    this.#bytes += bytes;
    this.#all.add(made);
    return made;
  }

  /** Destroys all that is kept: memory is short. */
  #dropAll(): void {
    for (const buffer of this.#kept) this.#drop(buffer);
  }

  #drop(buffer: GpuBuffer): void {
    this.#kept.delete(buffer);
    this.#keptBytes -= buffer.bytes;
    const free = this.#free.get(buffer.bytes);
    free?.splice(free.indexOf(buffer), 1);
    this.#destroy(buffer);
  }

  #destroy(buffer: GpuBuffer): void {
    if (buffer.batch === this.batch) {
      this.#doomed.push(buffer);
      return;
    }
    if (!this.#all.delete(buffer)) return;
    this.#bytes -= buffer.bytes;
    this.#onDestroy(buffer);
    buffer.buffer.destroy();
  }
}

/** The size that a request is rounded up to: eight steps for each doubling, so that similar sizes share buffers. */
function sizeClass(bytes: number): number {
  const step = Math.max(256, 2 ** (Math.floor(Math.log2(Math.max(bytes, 1))) - 3));
  return Math.max(1, Math.ceil(bytes / step)) * step;
}
