/**
 * Values that a caller gave, as messages show them.
 *
 * @module
 */

/** Characters of a text, and items of a list or an object, that are shown. */
const LONGEST = 60;
const MOST_ITEMS = 8;

/** A value in a message: texts in quotes, numbers bare, the kind of what has no short form; long ones are cut short. */
export function show(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value.length > LONGEST ? `${value.slice(0, LONGEST)}…` : value);
    case "bigint":
      return `${value}n`;
    case "function":
      return "a function";
    case "object":
      return showObject(value);
    default:
      return String(value);
  }
}

function showObject(value: object | null): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return `[${items(Array.from(value.slice(0, MOST_ITEMS), showItem), value.length)}]`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) return `an object of class ${className(value)}`;
  const entries = Object.entries(value);
  if (entries.length === 0) return "{}";
  const shown = entries.slice(0, MOST_ITEMS).map(([name, item]) => `${name}: ${showItem(item)}`);
  return `{ ${items(shown, entries.length)} }`;
}

/** Deeper values are not shown, because they may be long, or contain themselves. */
function showItem(value: unknown): string {
  if (typeof value !== "object" || value === null) return show(value);
  return Array.isArray(value) ? "[…]" : "{…}";
}

function items(shown: readonly string[], count: number): string {
  return [...shown, ...(count > shown.length ? ["…"] : [])].join(", ");
}

function className(value: object): string {
  const { constructor } = value;
  return typeof constructor === "function" && constructor.name !== "" ? constructor.name : "unknown";
}

/** An error in a line. */
export function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
