/**
 * Errors that a device reports later than they happen.
 *
 * @module
 */

import { DeviceLostError } from "../../errors.ts";

/** A shader that the device's compiler refused, with its message. */
export class ShaderError extends Error {
  override readonly name = "ShaderError";
}

/** Gathers what error scopes find without waiting for them; whoever waits anyway settles them. */
export class Faults {
  readonly #device: GPUDevice;
  readonly #open = new Set<Promise<void>>();
  #fault: Error | undefined;
  #end: Error | undefined;

  constructor(device: GPUDevice) {
    this.#device = device;
    device.lost.then(({ reason, message }) => {
      this.end(
        new DeviceLostError(
          `Cannot use webgpu: the device was lost (${
            reason || "unknown"
          }: ${message}). Create a backend and move models to it`,
        ),
      );
    });
  }

  /** Says why nothing works from now on; what was said first stays: a device that is disposed of is lost as well. */
  end(reason: Error): void {
    this.#end ??= reason;
  }

  /**
   * Runs `fn`; an error of this kind inside it becomes `explain(message)`, thrown at the next check.
   *
   * @param onSettled Is told afterwards what was found, if anything, in the order of the scopes.
   */
  scoped<T>(
    filter: GPUErrorFilter,
    explain: (message: string) => Error,
    fn: () => T,
    onSettled: (fault: Error | undefined) => void = () => {},
  ): T {
    this.#device.pushErrorScope(filter);
    try {
      return fn();
    } finally {
      const found = this.#device.popErrorScope().then((error) => {
        const fault = error ? explain(error.message) : undefined;
        this.#fault ??= fault;
        onSettled(fault);
      }, () => {
        // A lost device rejects its scopes: `lost` says it better.
      }).finally(() => this.#open.delete(found));
      this.#open.add(found);
    }
  }

  /** @throws {DeviceLostError} Once the device is lost. */
  checkAlive(): void {
    if (this.#end) throw this.#end;
  }

  /** @throws {Error} Found since the last check, once. */
  check(): void {
    this.checkAlive();
    const fault = this.#fault;
    this.#fault = undefined;
    if (fault) throw fault;
  }

  /** Waits for the scopes that are open, then checks. */
  async settle(): Promise<void> {
    await Promise.all(this.#open);
    this.check();
  }
}
