import { Address, List } from "../common/fields";

// @ts-ignore: decorator
@unmanaged
export class InlineDataArguments {
  to: Address;
  /** Words, which follow. */
  data: List;
}

/** Copies words from the record itself. Small uploads travel in the list because they must keep their place in it. */
export function inlineData(a: InlineDataArguments, thread: i32, threads: i32, scratch: usize): void {
  if (thread > 0) return;
  memory.copy(a.to, changetype<usize>(a) + offsetof<InlineDataArguments>(), <usize> a.data << 2);
}
