/**
 * Names in camelCase, as TypeScript has them, and in snake_case, as Python and files have them.
 *
 * @module
 */

/** `max_seq_len` as `maxSeqLen`. */
export function camelCase(name: string): string {
  return name.replace(/_+([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** `maxSeqLen` as `max_seq_len`. */
export function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
