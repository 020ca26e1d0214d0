/** First of thread `thread`'s share when `total` pieces are split evenly; the next thread's first is where it ends. */
export function shareStart(total: i32, thread: i32, threads: i32): i32 {
  return <i32> (<i64> total * thread / threads);
}
