/**
 * What generation needs of a model: every text model has it.
 *
 * @module
 */

import type { Backend } from "../../backend/backend.ts";
import type { CacheFormat } from "../../backend/memory.ts";
import type { KvCache } from "../network/kv_cache.ts";
import type { TransformerNet } from "../network/transformer_net.ts";

/** A decoder over tokens: `LanguageModel` and `PalmE` are. */
export interface TextModel {
  /** The engine that holds the parameters. */
  readonly backend: Backend;
  /**
   * The network.
   * @internal
   */
  readonly net: TransformerNet;
  /** A cache for `batch` rows of up to `capacity` tokens, its keys and values kept as `dtype`; the caller disposes of it. */
  createCache(batch?: number, capacity?: number, dtype?: CacheFormat): KvCache;
}
