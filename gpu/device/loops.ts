/**
 * How many rounds of loops an invocation may make. llvmpipe ends all loops of an invocation after 65,535 rounds,
 * counting those of inner and outer loops together, and says nothing: sums just stop. So the device is asked at start,
 * every dispatch says how many rounds it takes at most, and long loops are divided among several dispatches.
 *
 * @module
 */

import { BackendUnavailableError } from "../../errors.ts";
import { specialize } from "../dispatch/shader.ts";

/** Rounds that are asked for: a device that makes so many is taken to have no limit. */
const ASKED = 2 ** 20;

const USAGE = { source: 0x4, target: 0x8, map: 0x1, storage: 0x80 };

/**
 * Rounds of loops that the device grants an invocation; Infinity if it has no limit.
 *
 * @throws {BackendUnavailableError} If the device runs nothing at all.
 */
export async function probeLoopRounds(device: GPUDevice): Promise<number> {
  try {
    const made = await countRounds(device);
    if (made > 0) return made === ASKED ? Infinity : made;
  } catch (cause) {
    throw unusable(cause instanceof Error ? cause.message : String(cause), cause);
  }
  throw unusable("it did nothing");
}

function unusable(reason: string, cause?: unknown): BackendUnavailableError {
  return new BackendUnavailableError(
    `Cannot start webgpu: the device does not run a first kernel (${reason}). Update the browser or the driver, or use ` +
      "the wasm backend",
    { cause },
  );
}

async function countRounds(device: GPUDevice): Promise<number> {
  const words = Uint32Array.of(ASKED, 0, 1, 0);
  const { source, target, map, storage } = USAGE;
  const buffer = device.createBuffer({ size: words.byteLength, usage: storage | source | target });
  const staging = device.createBuffer({ size: words.byteLength, usage: map | target });
  try {
    const module = device.createShaderModule({ code: specialize("count_rounds", {}).code });
    const pipeline = await device.createComputePipelineAsync({
      layout: "auto",
      compute: { module, entryPoint: "main" },
    });
    device.queue.writeBuffer(buffer, 0, words);
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    const entries = [{ binding: 0, resource: { buffer } }];
    pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    pass.dispatchWorkgroups(1);
    pass.end();
    encoder.copyBufferToBuffer(buffer, 0, staging, 0, words.byteLength);
    device.queue.submit([encoder.finish()]);
    await staging.mapAsync(map);
    return new Uint32Array(staging.getMappedRange())[1] ?? 0;
  } finally {
    buffer.destroy();
    staging.destroy();
  }
}

/**
 * Rounds of a loop of `count` rounds with `inner` rounds of other loops in each: its last look at the condition counts
 * too.
 */
export function loop(count: number, inner = 0): number {
  return count * (1 + inner) + 1;
}

/** A part of a loop, and the rounds that it takes. */
export interface Span {
  readonly first: number;
  readonly end: number;
  readonly rounds: number;
}

/**
 * A loop over `count` items in parts that a device grants; one part, empty, where there are none.
 *
 * @param limit Rounds that the device grants.
 * @param step Items that one round takes, and rounds of inner loops in it.
 * @param besides Rounds of the other loops of the kernel, in every part.
 */
export function* spans(
  limit: number,
  count: number,
  { items = 1, inner = 0 }: { readonly items?: number; readonly inner?: number } = {},
  besides = 0,
): Generator<Span> {
  // The rounds that a part has for itself; at least one of them, so that a kernel too large is refused and not left
  // out.
  const most = Math.max(1, Math.floor((limit - besides - 1) / (1 + inner)));
  let first = 0;
  do {
    const end = Math.min(count, first + most * items);
    yield { first, end, rounds: loop(Math.ceil((end - first) / items), inner) + besides };
    first = end;
  } while (first < count);
}
