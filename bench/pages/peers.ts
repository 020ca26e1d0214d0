/**
 * Other engines on WebGPU, from a folder of npm packages that is given by its URL. TensorFlow.js and onnxruntime-web
 * run in pages only.
 *
 * @module
 */

import { onnxLinear } from "../peers/onnx.ts";
import { type Peer, randomValues } from "./products.ts";

/** The packages to install. */
export const PACKAGES = {
  "onnxruntime-web": "1.30.0",
  "@tensorflow/tfjs-core": "4.22.0",
  "@tensorflow/tfjs-backend-webgpu": "4.22.0",
  "@jax-js/jax": "0.1.25",
} as const;

/** The part of jax-js that is used. A call consumes the arrays that it is given; `ref` keeps one. */
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

/** Starts jax-js. */
export async function startJax(packages: string): Promise<Peer> {
  const jax: Jax = await import(`${packages}@jax-js/jax/dist/index.js`);
  if (!(await jax.init()).includes("webgpu")) throw new Error("it found no webgpu");
  jax.defaultDevice("webgpu");
  const { numpy } = jax;
  return {
    name: "jax-js",
    prepare([rows, size, out]) {
      const x = numpy.array(randomValues(rows * size)).reshape([rows, size]);
      const weight = numpy.array(randomValues(size * out)).reshape([size, out]);
      return { name: "jax-js", run: async () => void await numpy.dot(x.ref, weight.ref).data() };
    },
  };
}

/** The part of onnxruntime-web that is used. */
interface Ort {
  readonly env: { readonly wasm: { numThreads: number } };
  readonly Tensor: new (type: "float32", data: Float32Array, shape: readonly number[]) => object;
  readonly InferenceSession: {
    create(model: Uint8Array, options: object): Promise<{ run(feeds: object): Promise<unknown> }>;
  };
}

/** Starts onnxruntime-web. */
export async function startOnnxruntime(packages: string): Promise<Peer> {
  const ort: Ort = await import(`${packages}onnxruntime-web/dist/ort.webgpu.bundle.min.mjs`);
  ort.env.wasm.numThreads = 1;
  return {
    name: "onnxruntime-web",
    async prepare([rows, size, out]) {
      const pieces = onnxLinear(size, out).map((piece) => new Uint8Array(piece));
      const model = new Uint8Array(await new Blob(pieces).arrayBuffer());
      const session = await ort.InferenceSession.create(model, { executionProviders: ["webgpu"] });
      const x = new ort.Tensor("float32", randomValues(rows * size), [rows, size]);
      return { name: "onnxruntime-web", run: async () => void await session.run({ x }) };
    },
  };
}

/** The part of TensorFlow.js that is used. */
interface Tf {
  setBackend(name: "webgpu"): Promise<boolean>;
  ready(): Promise<void>;
  tensor(values: Float32Array, shape: readonly number[]): TfTensor;
  matMul(x: TfTensor, y: TfTensor): TfTensor;
}

interface TfTensor {
  data(): Promise<unknown>;
  dispose(): void;
}

declare global {
  /** The global that TensorFlow.js's scripts leave. */
  var tf: Tf | undefined;
}

/** Starts TensorFlow.js. */
export async function startTensorflow(packages: string): Promise<Peer> {
  await import(`${packages}@tensorflow/tfjs-core/dist/tf-core.min.js`);
  await import(`${packages}@tensorflow/tfjs-backend-webgpu/dist/tf-backend-webgpu.min.js`);
  const { tf } = globalThis;
  if (!tf) throw new Error("its scripts leave no tf");
  if (!await tf.setBackend("webgpu")) throw new Error("it starts no webgpu");
  await tf.ready();
  return {
    name: "tfjs",
    prepare([rows, size, out]) {
      const x = tf.tensor(randomValues(rows * size), [rows, size]);
      const weight = tf.tensor(randomValues(size * out), [size, out]);
      return {
        name: "tfjs",
        async run() {
          const product = tf.matMul(x, weight);
          await product.data();
          product.dispose();
        },
      };
    },
  };
}
