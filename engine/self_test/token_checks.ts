/**
 * Checks of what comes after the logits: filters, draws and the loss.
 *
 * @module
 */

import type { LogitsFilter } from "../../backend/operations/sampling.ts";
import { RandomValues } from "../reference/random_values.ts";
import { acceptDraft, filterLogits, repetitionPenalty, sample } from "../reference/sampling.ts";
import { crossEntropy } from "../reference/softmax.ts";
import type { Check } from "./check.ts";

/** A small vocabulary, and as large a one as models have. */
const [SMALL, LARGE] = [500, 262_144] as const;

const FILTERS: readonly LogitsFilter[] = [
  { topK: 7 },
  { topP: 0.3517 },
  { topP: 0.8317 },
  { minP: 0.05 },
  { topA: { power: 2, ratio: 0.2 } },
];

/** Checks of every operation on logits. */
export function tokenChecks(): Check[] {
  return [
    ...FILTERS.map((filter) => filterCheck(SMALL, filter)),
    filterCheck(LARGE, { topK: 40, topP: 0.9171, minP: 0.01 }),
    ...[SMALL, LARGE].flatMap((vocabulary) => [
      ...[0, 0.7].map((temperature) => sampleCheck(vocabulary, temperature)),
      penaltyCheck(vocabulary),
      draftCheck(vocabulary),
      lossCheck(vocabulary),
    ]),
  ];
}

function logitsOf(rows: number, vocabulary: number, seed = 0) {
  return new RandomValues(vocabulary + seed).normal([rows, vocabulary], 3);
}

function filterCheck(vocabulary: number, filter: LogitsFilter): Check {
  return {
    name: `filterLogits of ${vocabulary}, ${JSON.stringify(filter)}`,
    tolerance: 0,
    run: (bench) => bench.backend.filterLogits(bench.tensor(logitsOf(2, vocabulary)), filter),
    expected: () => filterLogits(logitsOf(2, vocabulary), filter),
  };
}

function sampleCheck(vocabulary: number, temperature: number): Check {
  const options = { temperature, seed: 7, counter: 3 };
  const rows = vocabulary === LARGE ? 1 : 3;
  return {
    name: `sample of ${vocabulary}, temperature ${temperature}`,
    tolerance: 0,
    run: (bench) => bench.backend.sample(bench.tensor(logitsOf(rows, vocabulary)), options),
    expected: () => sample(logitsOf(rows, vocabulary), options),
  };
}

function penaltyCheck(vocabulary: number): Check {
  const history = { shape: [2, 3], data: Int32Array.of(1, 5, -1, 0, vocabulary, vocabulary - 1) };
  return {
    name: `repetitionPenalty of ${vocabulary}`,
    tolerance: 1e-6,
    run: (bench) => {
      const logits = bench.tensor(logitsOf(2, vocabulary));
      return bench.backend.repetitionPenalty(logits, bench.tensor(history), 1.3);
    },
    expected: () => repetitionPenalty(logitsOf(2, vocabulary), history, 1.3),
  };
}

function draftCheck(vocabulary: number): Check {
  const [drafted, options] = [6, { temperature: 1, seed: 5, counter: 2 }];
  const make = () => {
    const draft = logitsOf(drafted, vocabulary, 1);
    const noise = logitsOf(drafted + 1, vocabulary, 2);
    const near = noise.data.map((value, i) => 0.1 * value + (draft.data[i] ?? 0));
    return { draft, target: { ...noise, data: near }, tokens: sample(draft, { temperature: 0, seed: 1, counter: 0 }) };
  };
  return {
    name: `acceptDraft of ${vocabulary}`,
    tolerance: 0,
    run: (bench) => {
      const { draft, target, tokens } = make();
      const ids = bench.tensor({ shape: [drafted], data: Int32Array.from(tokens.data) });
      return bench.backend.acceptDraft(bench.tensor(target), bench.tensor(draft), ids, options);
    },
    expected: () => {
      const { draft, target, tokens } = make();
      return acceptDraft(target, draft, { shape: [drafted], data: tokens.data }, options);
    },
  };
}

function lossCheck(vocabulary: number): Check {
  const targets = { shape: [5], data: Int32Array.of(1, vocabulary - 1, -100, vocabulary, 0) };
  return {
    name: `crossEntropy of ${vocabulary}`,
    tolerance: 1e-5,
    run: (bench) => bench.backend.crossEntropy(bench.tensor(logitsOf(5, vocabulary)), bench.tensor(targets), -100),
    expected: () => crossEntropy(logitsOf(5, vocabulary), targets, -100),
  };
}
