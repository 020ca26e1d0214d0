import { FormatId } from "../../records/kernel_id";
import { Tensor } from "../common/fields";
import { shareStart } from "../common/split";
import { readRow } from "./weight_rows";

// @ts-ignore: decorator
@unmanaged
export class EmbeddingArguments {
  tokens: Tensor;
  /** [numTokens, dim], in its format. */
  weight: Tensor;
  /** [tokens, dim]. */
  out: Tensor;
  tokensSize: i32;
  /** numTokens. */
  weightRows: i32;
  /** dim. */
  weightWidth: i32;
  weightFormat: FormatId;
}

/** Rows of a weight by token id. */
export function embedding(a: EmbeddingArguments, thread: i32, threads: i32, scratch: usize): void {
  const dim = a.weightWidth;
  const to = shareStart(a.tokensSize, thread + 1, threads);
  for (let i = shareStart(a.tokensSize, thread, threads); i < to; i++) {
    const token = load<i32>(a.tokens + (<usize> i << 2));
    const target = a.out + (<usize> i * dim << 2);
    // An id out of range must not read other tensors' memory; models refuse such ids, here they embed as zeros.
    if (<u32> token < <u32> a.weightRows) readRow(a.weight, token, dim, a.weightFormat, target, scratch);
    else memory.fill(target, 0, <usize> dim << 2);
  }
}
