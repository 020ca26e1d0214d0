@group(0) @binding(2) var<storage, read> k: array<STORED>;

// A unit of the key that begins at an offset.
fn keyUnit(offset: u32, unit: u32) -> VALUE {
#if FORMAT == q8_0
  return unitOf(k[offset + unit], k[offset + UNITS + unit / 16], unit);
#else
  return unitOf(k[offset + unit]);
#endif
}
