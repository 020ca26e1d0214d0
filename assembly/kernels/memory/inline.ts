/** Arguments: to, bytes, then the bytes themselves. Small uploads travel in the list, so that they keep their place in it. */
export function inlineData(args: usize, thread: i32, threads: i32, scratch: usize): void {
  if (thread > 0) return;
  memory.copy(load<u32>(args), args + 8, load<u32>(args, 4));
}
