/**
 * Text for people and for pipes: results go to stdout, all else to stderr.
 *
 * @module
 */

import process from "node:process";

/** Codes of the errors of a pipe whose reader has gone. */
const CLOSED = ["EPIPE", "EOF", "ERR_STREAM_DESTROYED", "ERR_STREAM_WRITE_AFTER_END"];

/** Whether an error says that the reader of stdout has seen enough, as in `andromeda generate | head`. */
export function isClosedPipe(error: unknown): boolean {
  return error instanceof Error && (CLOSED.includes(String(Reflect.get(error, "code"))) || error.name === "BrokenPipe");
}

/** Leaves errors of the streams to those who write: a stream whose errors nobody hears ends the process. */
export function hearStreamErrors(): void {
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.listenerCount("error") === 0) stream.on("error", () => {});
  }
}

/** Writes to stdout, and waits until it is written. */
export async function print(text: string): Promise<void> {
  await write(process.stdout, text);
}

/** Writes an object to stdout, as JSON. */
export async function printJson(value: object): Promise<void> {
  await print(JSON.stringify(value, null, 2) + "\n");
}

/** Writes a line to stderr; nothing is thrown where nobody reads it, because it matters less than the result. */
export async function printNote(line: string): Promise<void> {
  try {
    await write(process.stderr, line + "\n");
  } catch (error) {
    if (!isClosedPipe(error)) throw error;
  }
}

async function write(stream: NodeJS.WritableStream, text: string): Promise<void> {
  await new Promise<void>((resolve, reject) => stream.write(text, (error) => error ? reject(error) : resolve()));
}
