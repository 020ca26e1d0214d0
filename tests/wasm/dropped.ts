/**
 * Drops generators and sessions that are not over, and says what is left of their memory once they were collected.
 * Needs --v8-flags=--expose-gc.
 *
 * @module
 */

import { createBackend, Transformer } from "../../mod.ts";

/** The most rounds of collection, because the host reports at any time it likes. */
const ROUNDS = 50;

const backend = await createBackend("wasm", { threads: 1 });
const config = { numTokens: 50, maxSeqLen: 64, dim: 32, depth: 2, heads: 2, dimHead: 16, alibiPosBias: true };
const model = await Transformer.create(config, { backend });
const before = backend.memory().bytesInUse;
// A signal that lives on must not keep them.
const { signal } = new AbortController();

async function drop(): Promise<void> {
  for (const options of [{}, { signal }, { guidanceScale: 2 }, { draft: model, gamma: 2 }]) {
    await model.generate([1, 2, 3], options).next();
  }
  const session = model.session().append([1, 2, 3]);
  await Array.fromAsync(session.generate({ maxNewTokens: 2 }));
  await session.fork().append([1]).generate({ signal }).next();
}

await drop();
const isHeld = backend.memory().bytesInUse > before;
const { gc } = globalThis as { gc?: () => void };
for (let round = 0; round < ROUNDS && backend.memory().bytesInUse > before; round++) {
  gc?.();
  await new Promise((resolve) => setTimeout(resolve, 20));
}
const left = backend.memory().bytesInUse - before;
const tokens = await Array.fromAsync(model.generate([1], { temperature: 0, maxNewTokens: 2 }));
console.log(`held: ${isHeld}, left: ${left}, goes on: ${tokens.length === 2}`);
