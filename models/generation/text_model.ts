/**
 * What generation needs of a model: every text model has it.
 *
 * @module
 */
import type { Backend, CacheFormat } from "../../backend.ts";
import type { KvCache } from "../kv_cache.ts";
import type { TransformerConfig } from "../transformer_config.ts";
import type { TransformerNet } from "../transformer_net.ts";

/** A decoder over tokens: `LanguageModel` and `PalmE` are. */
export interface TextModel {
  /** The engine that holds the parameters. */
  readonly backend: Backend;
  /**
   * The network.
   * @internal
   */
  readonly net: TransformerNet;
  /** Every option of the network. */
  readonly netConfig: TransformerConfig;
  /** A cache for `batch` rows of up to `capacity` tokens, its keys and values kept as `dtype`; the caller disposes of it. */
  createCache(batch?: number, capacity?: number, dtype?: CacheFormat): KvCache;
}
