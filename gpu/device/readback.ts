/**
 * Values on their way back to the host.
 *
 * @module
 */

import type { Recorder } from "../dispatch/recorder.ts";
import type { GpuBuffer } from "../memory/buffers.ts";
import type { Profile } from "./device.ts";
import type { Faults } from "./faults.ts";

/** Bytes of a buffer to read. */
export interface Range {
  readonly buffer: GpuBuffer;
  readonly offset: number;
  readonly bytes: number;
}

const MAP_READ = 0x1;
const COPY_DST = 0x8;
/** Staging buffers up to this size are kept, this many at most: tokens come back at every step. */
const KEPT_BYTES = 1 << 20;
const KEPT_COUNT = 8;
/** Milliseconds within which a device that refuses a map for having been lost says so. */
const LOSS_DELAY = 200;

/** Reads buffers: the copies go into the same submission as what was recorded before. */
export class Readback {
  readonly #profile: Profile;
  readonly #faults: Faults;
  readonly #recorder: Recorder;
  readonly #free: GPUBuffer[] = [];

  constructor(profile: Profile, faults: Faults, recorder: Recorder) {
    this.#profile = profile;
    this.#faults = faults;
    this.#recorder = recorder;
  }

  /** Submits what was recorded and resolves to the bytes of the ranges, one after the other. */
  async read(ranges: readonly Range[]): Promise<ArrayBuffer> {
    const total = ranges.reduce((sum, { bytes }) => sum + bytes, 0);
    if (total === 0) return new ArrayBuffer(0);
    const staging = this.#take(total);
    const origins = ranges.map(({ buffer }) => buffer.origin);
    let written = 0;
    for (const { buffer, offset, bytes } of ranges) {
      this.#recorder.copy(buffer, offset, staging, written, bytes);
      written += bytes;
    }
    try {
      const batch = this.#recorder.submit();
      this.#recorder.counters.maps++;
      this.#recorder.counters.bytesReadBack += total;
      await staging.mapAsync(MAP_READ, 0, total);
      await this.#faults.settle();
      this.#recorder.check(batch, origins);
      const bytes = staging.getMappedRange(0, total).slice(0);
      staging.unmap();
      this.#give(staging);
      return bytes;
    } catch (error) {
      staging.destroy();
      if (error instanceof DOMException) await this.#explain();
      throw error;
    }
  }

  /** Destroys the staging buffers that are kept. */
  destroy(): void {
    for (const buffer of this.#free.splice(0)) buffer.destroy();
  }

  /** A refused map says little: what the device reports about it, perhaps a moment later, says more. */
  async #explain(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const moment = new Promise((resolve) => timer = setTimeout(resolve, LOSS_DELAY));
    await Promise.race([this.#profile.device.lost, moment]);
    clearTimeout(timer);
    await this.#faults.settle();
  }

  #take(bytes: number): GPUBuffer {
    const index = this.#free.findIndex(({ size }) => size >= bytes);
    const [found] = index < 0 ? [] : this.#free.splice(index, 1);
    if (found) return found;
    const size = Math.max(256, 2 ** Math.ceil(Math.log2(bytes)));
    const usage = MAP_READ | COPY_DST;
    return this.#profile.device.createBuffer({ label: "readback", size: size > KEPT_BYTES ? bytes : size, usage });
  }

  #give(buffer: GPUBuffer): void {
    if (buffer.size <= KEPT_BYTES && this.#free.length < KEPT_COUNT) this.#free.push(buffer);
    else buffer.destroy();
  }
}
