// A number that fills a unit.
fn scalar(unit: VALUE) -> f32 {
#if VECTORS
  return unit.x;
#else
  return unit;
#endif
}
