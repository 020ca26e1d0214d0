/**
 * Matrix products on WebGPU, on whatever adapter this host has, beside jax-js on the same one: with readback, as a caller sees them.
 * Every flavour of our kernels that the adapter can run is timed, first the one that `createBackend` would choose: ratios are its.
 *
 *     deno task bench webgpu [--rounds 9]
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { type Flavour, WebGpuBackend } from "../gpu/backend.ts";
import { type Case, medianRatio, medianTime, timeInTurns, writeReport } from "./report.ts";

/** Rows, in, out. */
type Shape = readonly [rows: number, size: number, out: number];

const SHAPES: readonly Shape[] = [
  [512, 512, 512],
  [1024, 1024, 1024],
  [1, 2560, 2560],
];

/** What one contender reached on one shape. */
interface Figure {
  readonly shape: Shape;
  readonly name: string;
  readonly milliseconds: number;
  readonly gflops: number;
  /** Our chosen flavour's speed as a multiple of this one's. */
  readonly ratio: number;
}

const random = (count: number) => Float32Array.from({ length: count }, () => Math.random() - 0.5);

async function ours(backend: WebGpuBackend, [rows, size, out]: Shape): Promise<Case> {
  const weight = backend.weight([out, size], "f32");
  backend.writeRows(weight, 0, random(out * size));
  const x = backend.tensor(random(rows * size), [rows, size]);
  await backend.warmUp(() => backend.linear(x, weight));
  return {
    name: backend.flavour,
    async run() {
      const product = backend.linear(x, weight);
      await product.data();
      product.dispose();
    },
  };
}

/** Named here, so that only who compares fetches it. */
const JAX: string = "npm:@jax-js/jax@0.1.25";

/** What is used of jax-js. An array is spent by what it is given to, unless as its `ref`. */
interface Jax {
  readonly numpy: { array(values: Float32Array): JaxArray; dot(x: JaxArray, y: JaxArray): JaxArray };
  init(): Promise<string[]>;
  defaultDevice(name: "webgpu"): void;
}

interface JaxArray {
  readonly ref: JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  data(): Promise<unknown>;
}

function theirs({ numpy }: Jax, [rows, size, out]: Shape): Case {
  const x = numpy.array(random(rows * size)).reshape([rows, size]);
  const weight = numpy.array(random(size * out)).reshape([size, out]);
  return { name: "jax-js", run: async () => void await numpy.dot(x.ref, weight.ref).data() };
}

async function startJax(): Promise<Jax | undefined> {
  try {
    const jax: Jax = await import(JAX);
    if (!(await jax.init()).includes("webgpu")) throw new Error("it found no webgpu");
    jax.defaultDevice("webgpu");
    return jax;
  } catch (error) {
    console.log(`jax-js does not run here: ${error instanceof Error ? error.message : error}`);
    return undefined;
  }
}

/** One engine for each flavour, first the one that is chosen where none is asked for. */
async function startAll(): Promise<[WebGpuBackend, ...WebGpuBackend[]]> {
  const chosen = await WebGpuBackend.create();
  const flavours: readonly Flavour[] = chosen.info.features.includes("subgroups")
    ? ["register", "workgroup", "subgroup"]
    : ["register", "workgroup"];
  const others = flavours.filter((flavour) => flavour !== chosen.flavour);
  return [chosen, ...await Promise.all(others.map((flavour) => WebGpuBackend.create({ flavour })))];
}

async function compare(shape: Shape, rounds: number, jax: Jax | undefined): Promise<Figure[]> {
  const backends = await startAll();
  const cases = await Promise.all(backends.map((backend) => ours(backend, shape)));
  if (jax) cases.push(theirs(jax, shape));
  const timings = await timeInTurns(cases, rounds, 2);
  for (const backend of backends) backend.dispose();
  const operations = 2 * shape.reduce((product, length) => product * length, 1);
  return cases.map(({ name }) => {
    const milliseconds = medianTime(timings, name);
    const ratio = medianRatio(timings, name, backends[0].flavour);
    return { shape, name, milliseconds, gflops: operations / milliseconds / 1e6, ratio };
  });
}

if (import.meta.main) {
  const args = parseArgs(Deno.args, { string: ["rounds"], default: { rounds: "9" } });
  const jax = await startJax();
  const figures: Figure[] = [];
  for (const shape of SHAPES) {
    for (const figure of await compare(shape, Number(args.rounds), jax)) {
      const label = `${shape.join(" × ")}  ${figure.name}`.padEnd(32);
      const time = `${figure.milliseconds.toFixed(1)} ms`.padStart(10);
      const speed = `${figure.gflops.toFixed(2)} GFLOP/s`.padStart(16);
      console.log(`${label}${time}${speed}   ours is ${figure.ratio.toFixed(2)} × as fast`);
      figures.push(figure);
    }
  }
  await writeReport("webgpu", figures);
}
