/**
 * Checks of norms, activations, softmax, and of what moves rows about.
 *
 * @module
 */

import { ACTIVATIONS, LOWEST } from "../../backend/operations.ts";
import { activate, glu } from "../reference/activation.ts";
import { add, maskRows, multiply } from "../reference/elementwise.ts";
import { l2Norm, layerNorm } from "../reference/norm.ts";
import { RandomValues } from "../reference/random_values.ts";
import { rotary } from "../reference/rotary.ts";
import { concat, gatherRows, meanPool, patches, shiftTokens, slice } from "../reference/sequence.ts";
import { logSoftmax, softmax } from "../reference/softmax.ts";
import type { Check } from "./check.ts";

/** Widths of rows: scalars, vectors, and more than a workgroup takes at once. */
const WIDTHS = [33, 1000, 20_000];

/** Checks of every operation whose results depend on one row, or on where rows stand. */
export function rowChecks(): Check[] {
  return [
    ...WIDTHS.flatMap((width) => [...normChecks(width), ...softmaxChecks(width)]),
    ...activationChecks(),
    ...elementwiseChecks(),
    ...rotaryChecks(),
    ...sequenceChecks(),
  ];
}

function normChecks(width: number): Check[] {
  const make = () => {
    const random = new RandomValues(width);
    return { x: random.normal([3, width], 2), gain: random.normal([width]), bias: random.normal([width]) };
  };
  return [{
    name: `layerNorm of ${width}`,
    tolerance: 1e-5,
    run: (bench) => {
      const { x, gain, bias } = make();
      const options = { gain: bench.tensor(gain), gainOffset: 1, bias: bench.tensor(bias) };
      return bench.backend.layerNorm(bench.tensor(x), options);
    },
    expected: () => {
      const { x, gain, bias } = make();
      return layerNorm(x, { gain, gainOffset: 1, bias });
    },
  }, {
    name: `l2Norm of ${width}`,
    tolerance: 1e-5,
    run: (bench) => {
      const { x, gain } = make();
      const options = { gain: bench.tensor(gain), factor: Math.sqrt(width) };
      return bench.backend.l2Norm(bench.tensor(x), options);
    },
    expected: () => {
      const { x, gain } = make();
      return l2Norm(x, { gain, factor: Math.sqrt(width) });
    },
  }];
}

function softmaxChecks(width: number): Check[] {
  const make = () => {
    const x = new RandomValues(width).normal([2, width], 3);
    x.data[width - 1] = LOWEST;
    return x;
  };
  return ([["softmax", softmax], ["logSoftmax", logSoftmax]] as const).map(([op, oracle]) => ({
    name: `${op} of ${width}`,
    tolerance: 1e-5,
    run: (bench) => bench.backend[op](bench.tensor(make())),
    expected: () => oracle(make()),
  }));
}

function activationChecks(): Check[] {
  const x = new RandomValues(2).normal([4, 66], 3);
  return ACTIVATIONS.flatMap((activation): Check[] => [{
    name: `activate, ${activation}`,
    tolerance: 1e-5,
    run: (bench) => bench.backend.activate(bench.tensor(x), activation),
    expected: () => activate(x, activation),
  }, {
    name: `glu, ${activation}`,
    tolerance: 1e-5,
    run: (bench) => bench.backend.glu(bench.tensor(x), activation),
    expected: () => glu(x, activation),
  }]);
}

function elementwiseChecks(): Check[] {
  const random = new RandomValues(3);
  const [x, y, scale] = [random.normal([2, 5, 12]), random.normal([5, 12]), random.normal([12])];
  const [factors, mask] = [random.normal([2, 5, 3]), random.integers([2, 5], 0, 1)];
  return [{
    name: "add, repeated and scaled",
    tolerance: 1e-6,
    run: (bench) => {
      const options = { scale: bench.tensor(scale), factor: 0.5 };
      return bench.backend.add(bench.tensor(x), bench.tensor(y), options);
    },
    expected: () => add(x, y, { scale, factor: 0.5 }),
  }, {
    name: "multiply, one factor a head",
    tolerance: 1e-5,
    run: (bench) => bench.backend.multiply(bench.tensor(x), bench.tensor(factors), { activation: "sigmoid" }),
    expected: () => multiply(x, factors, "sigmoid"),
  }, {
    name: "multiply, feature by feature",
    tolerance: 1e-6,
    run: (bench) => bench.backend.multiply(bench.tensor(x), bench.tensor(x)),
    expected: () => multiply(x, x),
  }, {
    name: "maskRows",
    tolerance: 0,
    run: (bench) => bench.backend.maskRows(bench.tensor(x), bench.tensor(mask)),
    expected: () => maskRows(x, mask),
  }];
}

function rotaryChecks(): Check[] {
  const random = new RandomValues(4);
  const [x, table] = [random.normal([2, 5, 3 * 10]), random.normal([1, 5, 8])];
  return (["adjacent", "halves"] as const).map((pairs) => ({
    name: `rotary, ${pairs}`,
    tolerance: 1e-6,
    run: (bench) => bench.backend.rotary(bench.tensor(x), bench.tensor(table), { heads: 3, pairs }),
    expected: () => rotary(x, table, 3, pairs),
  }));
}

function sequenceChecks(): Check[] {
  const random = new RandomValues(5);
  const [x, previous, one] = [random.normal([2, 7, 9]), random.normal([2, 2, 9]), random.normal([1, 3, 9])];
  const indices = { shape: [5], data: Int32Array.of(13, 0, 14, -1, 6) };
  const images = random.normal([2, 3, 4, 8]);
  const long = random.normal([1, 70_000, 2]);
  return [
    {
      name: "shiftTokens",
      tolerance: 0,
      run: (bench) => bench.backend.shiftTokens(bench.tensor(x), [0, 1, -1, 2], bench.tensor(previous)),
      expected: () => shiftTokens(x, [0, 1, -1, 2], previous),
    },
    {
      name: "gatherRows, indices beyond the rows included",
      tolerance: 0,
      run: (bench) => bench.backend.gatherRows(bench.tensor(x), bench.tensor(indices)),
      expected: () => gatherRows(x, indices),
    },
    {
      name: "concat",
      tolerance: 0,
      run: (bench) => bench.backend.concat([bench.tensor(one), bench.tensor(x)]),
      expected: () => concat([one, x]),
    },
    {
      name: "slice",
      tolerance: 0,
      run: (bench) => bench.backend.slice(bench.tensor(x), 2, 6),
      expected: () => slice(x, 2, 6),
    },
    {
      name: "clone, reshape",
      tolerance: 0,
      run: (bench) => bench.backend.reshape(bench.backend.clone(bench.tensor(x)), [18, 7]),
      expected: () => x,
    },
    ...[x, long].map((values): Check => ({
      name: `meanPool of ${values.shape[1]}`,
      tolerance: 1e-5,
      run: (bench) => bench.backend.meanPool(bench.tensor(values)),
      expected: () => meanPool(values),
    })),
    {
      name: "patches",
      tolerance: 0,
      run: (bench) => bench.backend.patches(bench.tensor(images), 2),
      expected: () => patches(images, 2),
    },
  ];
}
