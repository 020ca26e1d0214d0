/**
 * The errors of the library, by their names. A message says what cannot be done, the rule that forbids it, and what to do.
 *
 * @module
 */

/** Sizes that don't fit together: what was given, what was expected, and what to do. */
export class ShapeError extends Error {
  /** The name of the class. */
  override readonly name = "ShapeError";
}

/** A configuration or an option that can't work. */
export class ConfigError extends Error {
  /** The name of the class. */
  override readonly name = "ConfigError";
}

/** A weights file or a state dict that can't be read or does not fit. */
export class WeightsError extends Error {
  /** The name of the class. */
  override readonly name = "WeightsError";
}

/** A tokenizer that can't be read, or text and ids that it can't take. */
export class TokenizerError extends Error {
  /** The name of the class. */
  override readonly name = "TokenizerError";
}

/** A dataset that can't be read or made. */
export class DatasetError extends Error {
  /** The name of the class. */
  override readonly name = "DatasetError";
}

/** An engine that can't start on this host: why, and what would make it start. */
export class BackendUnavailableError extends Error {
  /** The name of the class. */
  override readonly name = "BackendUnavailableError";
}

/** What was computing is gone: the GPU's device, or a worker of the CPU engine. A model can be moved to a new backend. */
export class DeviceLostError extends Error {
  /** The name of the class. */
  override readonly name = "DeviceLostError";
}

/** Memory that the engine or the host refused: how much was asked, how much is held and by what. */
export class OutOfMemoryError extends Error {
  /** The name of the class. */
  override readonly name = "OutOfMemoryError";
}

/** A tensor, model or engine that was used after it was disposed. */
export class DisposedError extends Error {
  /** The name of the class. */
  override readonly name = "DisposedError";
}
