/**
 * Tensors of a checkpoint that hold parameters in another arrangement: how their values get to the parameters and back.
 *
 * @module
 */

import type { DType } from "../../backend/memory.ts";
import { ConfigError } from "../../errors.ts";
import type { Parameter, Parameters } from "../network/parameters.ts";
import { type Arrangement, type Holding, pathsOf } from "./naming.ts";

/** Values read at a time. */
const CHUNK = 1 << 20;

/** Consecutive rows of a parameter, whose values count as rows of one each. */
interface Run {
  readonly parameter: Parameter;
  readonly from: number;
  readonly count: number;
}

/** The order of heads in columns. */
interface Columns {
  readonly heads: number;
  readonly kvHeads: number;
}

/** One array for the values of all tensors, in turn: new ones would pile up faster than hosts collect them. */
class Scratch {
  #values = new Float32Array(0);

  take(count: number): Float32Array {
    if (this.#values.length < count) this.#values = new Float32Array(count);
    return this.#values.subarray(0, count);
  }
}

/** A tensor of a checkpoint, made of parts of parameters. */
export class ArrangedTensor {
  /** Its name in the checkpoint. */
  readonly name: string;
  /** Its shape in the checkpoint. */
  readonly shape: readonly number[];
  /** The parameters that it holds something of. */
  readonly parameters: readonly Parameter[];
  /** What its rows are, one after another, where it is not stored transposed. */
  readonly #runs: readonly Run[];
  readonly #columns: Columns | undefined;
  readonly #isTransposed: boolean;
  readonly #width: number;
  readonly #scratch: Scratch;

  constructor(
    name: string,
    holding: Exclude<Holding, string>,
    byPath: ReadonlyMap<string, Parameter>,
    scratch = new Scratch(),
  ) {
    this.name = name;
    this.#scratch = scratch;
    this.#isTransposed = "transposed" in holding;
    const arrangement = "transposed" in holding ? holding.transposed : holding;
    this.#runs = runsOf(name, arrangement, byPath);
    this.parameters = [...new Set(this.#runs.map(({ parameter }) => parameter))];
    const isColumns = typeof arrangement === "object" && "grouped" in arrangement && arrangement.grouped === "columns";
    this.#columns = isColumns ? arrangement : undefined;
    const [first] = this.parameters;
    const isVector = first?.shape.length === 1;
    this.#width = isVector ? 1 : first?.shape[1] ?? 1;
    const rows = this.#runs.reduce((sum, { count }) => sum + count, 0);
    this.shape = isVector ? [rows] : this.#isTransposed ? [this.#width, rows] : [rows, this.#width];
  }

  /** The format that its values are held in. */
  get dtype(): DType {
    return this.parameters[0]?.value.dtype ?? "f32";
  }

  /** How many values of a row stay together, so that blocks of as many or fewer stay whole. */
  get together(): number {
    return this.#isTransposed ? 1 : this.#width / (this.#columns?.heads ?? 1);
  }

  /** Takes the tensor's values in order, in chunks of whole rows; one that is transposed is gathered first. */
  writer(): (offset: number, values: Float32Array) => void {
    if (!this.#isTransposed) return (offset, values) => this.#write(offset / this.#width, values);
    const [columns = 0, rows = 0] = this.shape;
    let [whole, filled] = [new Float32Array(0), 0];
    return (offset, values) => {
      if (filled === 0) whole = new Float32Array(rows * columns);
      whole.set(values, offset);
      filled += values.length;
      if (filled < whole.length) return;
      this.#write(0, transpose(whole, columns, rows));
      [whole, filled] = [new Float32Array(0), 0];
    };
  }

  /** The tensor's values in order. */
  async *values(): AsyncGenerator<Float32Array> {
    if (!this.#isTransposed) return yield* this.#rows();
    const [columns = 0, rows = 0] = this.shape;
    const whole = new Float32Array(rows * columns);
    let offset = 0;
    for await (const values of this.#rows()) {
      whole.set(values, offset);
      offset += values.length;
    }
    yield transpose(whole, rows, columns);
  }

  /** Writes rows from `row` on. */
  #write(row: number, values: Float32Array): void {
    const end = row + values.length / this.#width;
    let begin = 0; // of a run, in rows of the tensor
    for (const { parameter, from, count } of this.#runs) {
      const [first, last] = [Math.max(begin, row), Math.min(begin + count, end)];
      if (first < last) {
        const rows = values.subarray((first - row) * this.#width, (last - row) * this.#width);
        withRows(parameter, (tensor) => {
          tensor.backend.writeRows(tensor, from + first - begin, this.#moveColumns(rows, "in"));
        });
      }
      begin += count;
    }
  }

  async *#rows(): AsyncGenerator<Float32Array> {
    const step = Math.max(1, Math.floor(CHUNK / this.#width));
    for (const { parameter, from, count } of this.#runs) {
      for (let row = 0; row < count; row += step) {
        const rows = Math.min(step, count - row);
        const values = await withRows(parameter, (tensor) => tensor.backend.readRows(tensor, from + row, rows));
        yield this.#moveColumns(values, "out");
      }
    }
  }

  /** Columns of rows in the engine's order of heads, until the next come in; or back in the checkpoint's. */
  #moveColumns(rows: Float32Array, direction: "in" | "out"): Float32Array {
    if (!this.#columns) return rows;
    const { heads } = this.#columns;
    const size = this.#width / heads;
    const moved = direction === "in" ? this.#scratch.take(rows.length) : new Float32Array(rows.length);
    for (let start = 0; start < rows.length; start += this.#width) {
      for (let head = 0; head < heads; head++) {
        const [there, here] = [start + head * size, start + engineHead(head, this.#columns) * size];
        const [source, target] = direction === "in" ? [there, here] : [here, there];
        moved.set(rows.subarray(source, source + size), target);
      }
    }
    return moved;
  }
}

/** The tensors of a model's checkpoints that hold parameters in another arrangement, by name. */
export function arrangedTensors({ naming, byPath }: Parameters): Map<string, ArrangedTensor> {
  const scratch = new Scratch();
  const tensors = [...naming.arranged].filter(([, holding]) => pathsOf(holding).every((path) => byPath.has(path)));
  return new Map(tensors.map(([name, holding]) => [name, new ArrangedTensor(name, holding, byPath, scratch)]));
}

function runsOf(tensor: string, arrangement: Arrangement, byPath: ReadonlyMap<string, Parameter>): Run[] {
  if (typeof arrangement === "object" && "join" in arrangement) {
    return arrangement.join.flatMap((part) => runsOf(tensor, part, byPath));
  }
  const path = typeof arrangement === "string" ? arrangement : arrangement.path;
  const parameter = byPath.get(path);
  if (!parameter || parameter.shape.length > 2) {
    throw new ConfigError(`Cannot find ${path} in ${tensor}: a naming table arranges declared matrices and vectors`);
  }
  const [rows = 0] = parameter.shape;
  if (typeof arrangement === "string") return [{ parameter, from: 0, count: rows }];
  if ("part" in arrangement) {
    const count = rows / arrangement.of;
    return [{ parameter, from: arrangement.part * count, count }];
  }
  if (arrangement.grouped === "columns") return [{ parameter, from: 0, count: rows }];
  const count = rows / arrangement.heads;
  return Array.from({ length: arrangement.heads }, (_, head) => {
    return { parameter, from: engineHead(head, arrangement) * count, count };
  });
}

/** Where the engine has a checkpoint's query head: among those that read the same key head, the groups take turns. */
function engineHead(head: number, { heads, kvHeads }: Columns): number {
  const group = heads / kvHeads;
  return (head % group) * kvHeads + Math.floor(head / group);
}

/** A parameter as rows, a vector as rows of one value. */
function withRows<T>(parameter: Parameter, use: (tensor: Parameter["value"]) => T): T {
  const { value, shape: [size = 0, ...more] } = parameter;
  if (more.length > 0) return use(value);
  const view = value.backend.reshape(value, [size, 1]);
  const result = use(view);
  view.dispose();
  return result;
}

/** rows × columns values to columns × rows. */
function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      result[column * rows + row] = values[row * columns + column] ?? 0;
    }
  }
  return result;
}
