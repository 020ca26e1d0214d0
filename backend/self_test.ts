/**
 * What an engine says of its own correctness.
 *
 * @module
 */

/**
 * What one check of `Backend.selfTest` found.
 *
 * @category Backends
 */
export interface SelfTestCheck {
  /** The operation and what is special about it, as in "linear q8_0, 5 rows". */
  readonly name: string;
  /** Whether it gave the right values. */
  readonly ok: boolean;
  /**
   * The largest difference from the right values, relative to the largest of them where that is above 1; NaN after an
   * error.
   */
  readonly deviation: number;
  /** The difference that is allowed. */
  readonly tolerance: number;
  /** The error that it threw. */
  readonly error?: string | undefined;
  /** What it took, compiling its kernels included. */
  readonly milliseconds: number;
}

/**
 * What `Backend.selfTest` found.
 *
 * @category Backends
 */
export interface SelfTestReport {
  /** Whether every check gave the right values. */
  readonly ok: boolean;
  /** `BackendInfo.description`. */
  readonly backend: string;
  /** `BackendInfo.features`. */
  readonly features: readonly string[];
  /** `BackendInfo.threads`. */
  readonly threads: number;
  /** The browser or runtime, as it names itself. */
  readonly host: string;
  /** All checks, in their order. */
  readonly checks: readonly SelfTestCheck[];
  /** What all took. */
  readonly milliseconds: number;
  /** All of this in lines to print or to send. */
  readonly text: string;
}

/**
 * Options of `Backend.selfTest`.
 *
 * @category Backends
 */
export interface SelfTestOptions {
  /** Cancels the test before its next check. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each check. */
  readonly onProgress?:
    | ((progress: { readonly check: SelfTestCheck; readonly done: number; readonly total: number }) => void)
    | undefined;
}
