// The row of a cache that a sequence has: its own, or the second of its two numbers in `positions`, kept within the
// cache.
fn cacheRow(batch: u32) -> u32 {
  let given = positions[batch * params.positionNumbers + params.positionNumbers / 2];
  return select(batch, u32(clamp(given, 0, i32(params.cacheRows) - 1)), params.positionNumbers == 2);
}
