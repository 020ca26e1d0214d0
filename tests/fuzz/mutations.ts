/** Small changes to valid files: bits and bytes of any, parts of JSON. */

import type { Draw } from "../../engine/self_test/call.ts";

/** Values that few places of a file expect. */
const ODD: readonly unknown[] = [
  ...[null, true, false, "", "x", "\u0000", "__proto__", [], {}, [[]], [null], { type: "x" }, 0, -1, 0.5, 1, 2, 3],
  ...[
    7,
    64,
    255,
    65536,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32,
    2 ** 40,
    2 ** 53,
    -(2 ** 53),
    1e30,
    1e308,
    "1e9",
    "a".repeat(99),
  ],
];

/** Sizes of which programs are fond. */
const BYTES = [0, 1, 0x7f, 0x80, 0xff, 0x22, 0x7b, 0x5b, 0x2c];

/** Changes bytes in one to four places: bits, values, and pieces that are cut, doubled, moved or put in. */
export function mutateBytes(draw: Draw, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  let result = bytes.slice();
  for (let changes = draw.integer(1, 4); changes > 0 && result.length > 0; changes--) {
    const at = draw.integer(0, result.length - 1);
    const end = Math.min(result.length, at + draw.pick([1, 2, 4, 16, 256, result.length]));
    const join = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));
    switch (draw.integer(0, 7)) {
      case 0:
      case 1:
        result[at]! ^= 1 << draw.integer(0, 7);
        break;
      case 2:
      case 3:
        result[at] = draw.pick(BYTES);
        break;
      case 4:
        result.fill(draw.pick(BYTES), at, Math.min(end, at + 16));
        break;
      case 5:
        result = result.slice(0, at);
        break;
      case 6:
        result = join(result.subarray(0, at), result.subarray(end));
        break;
      default:
        result = join(result.subarray(0, end), result.subarray(at));
    }
  }
  return result;
}

/** Every object and list in a value, itself too. */
function containersIn(value: unknown, found: object[] = []): object[] {
  if (typeof value !== "object" || value === null) return found;
  found.push(value);
  for (const part of Object.values(value)) containersIn(part, found);
  return found;
}

/** Changes a parsed file in one to three places: values put in, taken out, exchanged and renamed. */
export function mutateJson(draw: Draw, json: unknown): unknown {
  const result: unknown = structuredClone(json);
  for (let changes = draw.integer(1, 3); changes > 0; changes--) {
    const container = draw.pick(containersIn(result));
    const keys = Object.keys(container);
    const key = keys.length === 0 ? "x" : draw.pick(keys);
    const put = (name: string, value: unknown) =>
      Object.defineProperty(container, name, { value, enumerable: true, configurable: true, writable: true });
    switch (draw.integer(0, 4)) {
      case 0:
        if (Array.isArray(container)) container.splice(Number(key) || 0, 1);
        else Reflect.deleteProperty(container, key);
        break;
      case 1:
        // What lies elsewhere in the file has the right form for another place.
        put(key, structuredClone(Reflect.get(draw.pick(containersIn(result)), key) ?? draw.pick(ODD)));
        break;
      case 2:
        if (Array.isArray(container)) container.push(structuredClone(draw.pick(ODD)));
        else put(draw.pick(["__proto__", "type", "extra", key + "_"]), Reflect.get(container, key));
        break;
      default: {
        const value: unknown = Reflect.get(container, key);
        put(
          key,
          typeof value === "number" && draw.once(2)
            ? value + draw.pick([-1, 1, 0.5, 1e9])
            : structuredClone(draw.pick(ODD)),
        );
      }
    }
  }
  return result;
}

/** A file of JSON that was changed in its structure, in its bytes, or in both. */
export function mutateJsonFile(draw: Draw, json: unknown): Uint8Array<ArrayBuffer> {
  const kind = draw.integer(0, 3);
  const text = new TextEncoder().encode(JSON.stringify(kind === 0 ? json : mutateJson(draw, json)));
  return kind < 2 ? mutateBytes(draw, text) : text;
}
