/**
 * Reads the body of a request: not more than is allowed, and not for longer.
 *
 * @module
 */

import { isRecord } from "../../common/record.ts";
import { ApiError } from "./api_error.ts";

/** Milliseconds that a body may take to arrive. */
const PATIENCE = 30_000;

/**
 * The object that a body holds as JSON.
 *
 * @throws {ApiError} For a body that is no JSON object, too long or too slow.
 */
export async function readJsonObject(request: Request, maxBytes: number): Promise<Readonly<Record<string, unknown>>> {
  const text = await readText(request, maxBytes);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    throw refused(400, "Cannot read the request: its body is no JSON");
  }
  if (!isRecord(json)) {
    throw refused(400, "Cannot read the request: its body must be a JSON object");
  }
  return json;
}

async function readText(request: Request, maxBytes: number): Promise<string> {
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (announced > maxBytes) throw tooLong(maxBytes);
  const reader = request.body?.getReader();
  if (!reader) return "";
  const decoder = new TextDecoder();
  let [text, bytes] = ["", 0];
  let expire = () => {};
  const expired = new Promise<never>((_, reject) => {
    const timer = setTimeout(
      () => reject(refused(408, `Cannot wait for the rest of the request: ${PATIENCE} ms are over`)),
      PATIENCE,
    );
    expire = () => clearTimeout(timer);
  });
  try {
    for (;;) {
      const { done, value } = await Promise.race([reader.read(), expired]);
      if (done) return text + decoder.decode();
      bytes += value.byteLength;
      if (bytes > maxBytes) throw tooLong(maxBytes);
      text += decoder.decode(value, { stream: true });
    }
  } catch (error) {
    reader.cancel().catch(() => {});
    throw error;
  } finally {
    expire();
  }
}

function tooLong(maxBytes: number): ApiError {
  return refused(413, `Cannot read the request: its body may have ${maxBytes} bytes`);
}

function refused(status: number, message: string): ApiError {
  return new ApiError(message, { status, type: "invalid_request_error" });
}
