/**
 * Writes the benchmark's model as an ONNX file, with keys and values of earlier tokens as inputs and outputs, so that
 * onnxruntime decodes a token a step. Attention is onnxruntime's own fused operator with queries, keys and values from
 * one product, as its exporters write it.
 *
 * The format: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3
 *
 * @module
 */

import { type GptSizes, type GptWeights, transpose } from "./gpt.ts";
import { field, type Message, repeated } from "./protobuf.ts";

const IR_VERSION = 10;
const OPSET = 20;
/** The domain of onnxruntime's own operators. */
const MICROSOFT = "com.microsoft";

const FLOAT = 1;
const INT32 = 6;
const INT64 = 7;

/** A size of an input: a number, or the name of one that differs between calls. */
type Dimension = number | string;

/** Nodes and values of a graph, in order. */
class Graph {
  readonly nodes: Message[] = [];
  readonly initializers: Message[] = [];
  readonly inputs: Message[] = [];
  readonly outputs: Message[] = [];

  input(name: string, type: number, shape: readonly Dimension[]): string {
    this.inputs.push(valueInfo(name, type, shape));
    return name;
  }

  output(name: string, type: number, shape: readonly Dimension[]): void {
    this.outputs.push(valueInfo(name, type, shape));
  }

  constant(name: string, values: Float32Array | BigInt64Array, shape: readonly number[]): string {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.initializers.push([
      ...repeated(1, shape),
      ...field(2, values instanceof Float32Array ? FLOAT : INT64),
      ...field(8, name),
      ...field(9, bytes),
    ]);
    return name;
  }

  /** Appends a node; gives the name of its first output, which is the node's own. */
  node(
    name: string,
    type: string,
    inputs: readonly string[],
    options: { domain?: string; more?: readonly string[]; attributes?: Readonly<Record<string, number>> } = {},
  ): string {
    const { domain = "", more = [], attributes = {} } = options;
    this.nodes.push([
      ...repeated(1, inputs),
      ...repeated(2, [name, ...more]),
      ...field(3, name),
      ...field(4, type),
      ...repeated(5, Object.entries(attributes).map(([key, value]) => attribute(key, value))),
      ...field(7, domain),
    ]);
    return name;
  }

  /** The file, in pieces. */
  file(): Message {
    const graph = [
      ...repeated(1, this.nodes),
      ...field(2, "gpt"),
      ...repeated(5, this.initializers),
      ...repeated(11, this.inputs),
      ...repeated(12, this.outputs),
    ];
    return [
      ...field(1, IR_VERSION),
      ...field(7, graph),
      ...field(8, [...field(1, ""), ...field(2, OPSET)]),
      ...field(8, [...field(1, MICROSOFT), ...field(2, 1)]),
    ];
  }
}

/**
 * The model as an ONNX file.
 *
 * Inputs: `tokens` and `positions` int64 [1, n], `from` int64 [1] (the first token whose logits are wanted), `last`
 * int32 [1] (the position of the last token), `length` int32 [] (of all tokens), `past_key_i` and `past_value_i` [1,
 * heads, past, dimHead]. Outputs: `logits` [1, n - from, vocabulary], `present_key_i` and `present_value_i`.
 */
export function onnxModel(sizes: GptSizes, weights: GptWeights): Message {
  const graph = new Graph();
  const { dim, depth, vocabulary, maxLength } = sizes;
  const tokens = graph.input("tokens", INT64, [1, "n"]);
  const positions = graph.input("positions", INT64, [1, "n"]);
  const from = graph.input("from", INT64, [1]);
  graph.input("last", INT32, [1]);
  graph.input("length", INT32, []);
  const tokenTable = graph.constant("token_table", weights.tokens, [vocabulary, dim]);
  const positionTable = graph.constant("position_table", weights.positions, [maxLength, dim]);
  const tokenRows = graph.node("token_rows", "Gather", [tokenTable, tokens]);
  const positionRows = graph.node("position_rows", "Gather", [positionTable, positions]);
  let x = graph.node("embedded", "Add", [tokenRows, positionRows]); // (1, n, dim)
  for (let i = 0; i < depth; i++) x = block(graph, sizes, weights, i, x);
  const normed = norm(graph, "final_norm", x, weights.finalNorm);
  const axis = graph.constant("axis_of_tokens", BigInt64Array.of(1n), [1]);
  const end = graph.constant("end", BigInt64Array.of(2n ** 62n), [1]);
  const wanted = graph.node("wanted", "Slice", [normed, from, end, axis]);
  linear(graph, "logits", wanted, weights.logits, dim, vocabulary);
  graph.output("logits", FLOAT, [1, "m", vocabulary]);
  return graph.file();
}

/** One product as an ONNX file: `x` [n, size] to `y` [n, out], by a weight of random values. */
export function onnxLinear(size: number, out: number): Message {
  const graph = new Graph();
  const x = graph.input("x", FLOAT, ["n", size]);
  const values = Float32Array.from({ length: out * size }, () => Math.random() - 0.5);
  linear(graph, "y", x, values, size, out);
  graph.output("y", FLOAT, ["n", out]);
  return graph.file();
}

/** x + attention(norm(x)), then x + feedForward(norm(x)). */
function block(graph: Graph, sizes: GptSizes, weights: GptWeights, i: number, x: string): string {
  const { dim, inner, heads } = sizes;
  const layer = weights.layers[i];
  if (!layer) throw new RangeError(`Cannot write layer ${i} of ${weights.layers.length}`);
  const dimHead = dim / heads;
  const name = (part: string) => `${part}_${i}`;
  const past = ["key", "value"].map((kind) => graph.input(`past_${kind}_${i}`, FLOAT, [1, heads, "past", dimHead]));
  const present = ["key", "value"].map((kind) => `present_${kind}_${i}`);
  for (const each of present) graph.output(each, FLOAT, [1, heads, "total", dimHead]);

  const attentionInput = norm(graph, name("attention_norm"), x, layer.attentionNorm);
  const qkv = linear(graph, name("qkv"), attentionInput, layer.qkv, dim, 3 * dim);
  const attended = graph.node(name("attention"), "GroupQueryAttention", [qkv, "", "", ...past, "last", "length"], {
    domain: MICROSOFT,
    more: present,
    attributes: { num_heads: heads, kv_num_heads: heads },
  });
  const projected = linear(graph, name("attention_out"), attended, layer.attentionOut, dim, dim);
  const middle = graph.node(name("after_attention"), "Add", [projected, x]);

  const feedForwardInput = norm(graph, name("feed_forward_norm"), middle, layer.feedForwardNorm);
  const up = linear(graph, name("up"), feedForwardInput, layer.up, dim, inner);
  const biased = graph.node(name("up_biased"), "Add", [up, graph.constant(name("up_bias"), layer.upBias, [inner])]);
  const activated = graph.node(name("gelu"), "Gelu", [biased]); // the exact one is the operator's default
  const down = linear(graph, name("down"), activated, layer.down, inner, dim);
  const out = graph.node(name("out"), "Add", [down, graph.constant(name("down_bias"), layer.downBias, [dim])]);
  return graph.node(name("after_feed_forward"), "Add", [out, middle]);
}

function norm(graph: Graph, name: string, x: string, gain: Float32Array): string {
  const scale = graph.constant(`${name}_gain`, gain, [gain.length]);
  return graph.node(name, "LayerNormalization", [x, scale]);
}

/** x Wᵀ for a weight [out, in]; ONNX multiplies by [in, out]. */
function linear(graph: Graph, name: string, x: string, weight: Float32Array, size: number, out: number): string {
  const matrix = graph.constant(`${name}_weight`, transpose(weight, out, size), [size, out]);
  return graph.node(name, "MatMul", [x, matrix]);
}

function valueInfo(name: string, type: number, shape: readonly Dimension[]): Message {
  const dimensions = shape.map((size) => typeof size === "number" ? field(1, size) : field(2, size));
  const tensorType = [...field(1, type), ...field(2, repeated(1, dimensions))];
  return [...field(1, name), ...field(2, field(1, tensorType))];
}

/** An attribute that is a whole number. */
function attribute(name: string, value: number): Message {
  return [...field(1, name), ...field(3, value), ...field(20, 2)];
}
