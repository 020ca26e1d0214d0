/**
 * A limit of what comes out of decompression: a few bytes can be made to grow without end.
 *
 * @module
 */

/** Compares what comes out with what went in. */
export class ExpansionLimit {
  readonly #freeBytes: number;
  readonly #mostExpansion: number;
  #received = 0;
  #sent = 0;

  /**
   * @param freeBytes Bytes that may come out before their ratio counts.
   * @param mostExpansion Bytes that may come out for each that went in, from then on.
   */
  constructor(freeBytes: number, mostExpansion: number) {
    this.#freeBytes = freeBytes;
    this.#mostExpansion = mostExpansion;
  }

  /** Counts bytes that go in. */
  receive(bytes: number): void {
    this.#received += bytes;
  }

  /**
   * Counts bytes that come out.
   *
   * @throws {Error} Where they are too many; for the caller to quote.
   */
  send(bytes: number): void {
    const before = this.#sent;
    this.#sent += bytes;
    if (this.#sent <= this.#freeBytes + this.#mostExpansion * this.#received) return;
    throw new Error(`its ${this.#received} compressed bytes grow to more than ${before}, as no real file does`);
  }
}
