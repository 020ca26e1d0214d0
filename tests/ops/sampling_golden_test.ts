import { assert } from "@std/assert";
import type { Backend } from "../../backend/backend.ts";
import { LOWEST } from "../../backend/operations.ts";
import type { LogitsFilter } from "../../backend/operations/sampling.ts";
import { readSafetensors } from "../../mod.ts";
import { engineTest } from "../support/engines.ts";
import { goldenFolders, goldenTest, goldenUrl } from "../support/golden.ts";
import { assertClose, compute, type HostValues } from "../support/ops.ts";

const file = goldenUrl("golden/sampling/io.safetensors");
const io = (await goldenFolders("golden/")).includes("sampling") ? await read(file) : new Map<string, HostValues>();

async function read(file: URL): Promise<Map<string, HostValues>> {
  const tensors = await readSafetensors(file);
  return new Map([...tensors].map(([name, { shape, bytes }]) => {
    const data = new Float32Array(bytes.slice().buffer);
    return [name, { shape, data: data.map((value) => value === -Infinity ? LOWEST : value) }];
  }));
}

goldenTest("the reference filters are there", () => {
  assert(io.size === 39, `found ${io.size} tensors in ${file}`);
});

function valuesOf(name: string): HostValues {
  const values = io.get(name);
  if (values === undefined) throw new Error(`Cannot find ${name} in ${file}`);
  return values;
}

/**
 * zeta's top_p(logits, thres) keeps the nucleus of mass 1 - thres: the other way round than x-transformers' and ours.
 */
function zetaTopP(thres: number): LogitsFilter {
  return { topP: 1 - thres };
}

/** The reference's filters in our options, for logits of `numTokens`. */
function filters(numTokens: number): Record<string, LogitsFilter> {
  return {
    "zeta.top_k": { topK: Math.ceil((1 - 0.9) * numTokens) },
    "zeta.top_k_0.5": { topK: Math.ceil((1 - 0.5) * numTokens) },
    "zeta.top_p": zetaTopP(0.9),
    "zeta.top_p_0.1": zetaTopP(0.1),
    "xt.top_k": { topK: Math.ceil(0.1 * numTokens) },
    "xt.top_k_k5": { topK: 5 },
    "xt.top_p": { topP: 0.9 },
    "xt.top_a": { topA: { power: 2, ratio: 0.02 } },
    "xt.min_p": { minP: 0.1 },
  };
}

async function probabilities(backend: Backend, logits: HostValues, filter: LogitsFilter, temperature: number) {
  const filtered = await compute(backend, { logits }, ({ logits }) => backend.filterLogits(logits, filter));
  const scaled = Float32Array.from(filtered.data, (logit) => logit === LOWEST ? LOWEST : logit / temperature);
  return await compute(backend, { x: { ...filtered, data: scaled } }, ({ x }) => backend.softmax(x));
}

if (io.size > 0) {
  for (const batch of ["a", "b", "c"]) {
    const logits = valuesOf(`${batch}.logits`);
    const numTokens = logits.shape[1] ?? 0;
    engineTest(`filterLogits agrees with the references' filters in batch ${batch}`, async (backend) => {
      for (const [name, filter] of Object.entries(filters(numTokens))) {
        const actual = await compute(backend, { logits }, ({ logits }) => backend.filterLogits(logits, filter));
        assertClose(actual, valuesOf(`${batch}.${name}`), 0);
      }
    });
    engineTest(`probabilities are those that the references sample from in batch ${batch}`, async (backend) => {
      const topK = await probabilities(backend, logits, { topK: Math.ceil((1 - 0.9) * numTokens) }, 0.7);
      assertClose(topK, valuesOf(`${batch}.probs_topk_t0.7`), 1e-6);
      const topP = await probabilities(backend, logits, { topP: 0.9 }, 1.3);
      assertClose(topP, valuesOf(`${batch}.probs_topp_t1.3`), 1e-6);
    });
  }
}
