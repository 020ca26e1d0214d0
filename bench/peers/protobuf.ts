/**
 * The part of the protocol buffers' encoding that an ONNX file needs
 * (https://protobuf.dev/programming-guides/encoding/).
 *
 * @module
 */

/** A message: its bytes in pieces, so that large fields are not copied into each message around them. */
export type Message = readonly Uint8Array[];

/** The values of a field: a whole number from 0 on, a text, bytes, or a message. */
type Value = number | string | Uint8Array | Message;

const VARINT = 0;
const LENGTH_DELIMITED = 2;

/** A field. */
export function field(number: number, value: Value): Message {
  if (typeof value === "number") return [Uint8Array.from([...varint(number << 3 | VARINT), ...varint(value)])];
  const content = typeof value === "string"
    ? [new TextEncoder().encode(value)]
    : value instanceof Uint8Array
    ? [value]
    : value;
  const length = content.reduce((sum, { byteLength }) => sum + byteLength, 0);
  return [Uint8Array.from([...varint(number << 3 | LENGTH_DELIMITED), ...varint(length)]), ...content];
}

/** A field that occurs once for each value. */
export function repeated(number: number, values: readonly Value[]): Message {
  return values.flatMap((value) => field(number, value));
}

/** A whole number in groups of seven bits, the lowest first. */
function varint(value: number): number[] {
  const groups: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) groups.push(value % 128 | 128);
  return [...groups, value];
}
