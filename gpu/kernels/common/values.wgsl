@group(0) @binding(3) var<storage, read> v: array<STORED>;

// A unit of the value that begins at an offset.
fn valueUnit(offset: u32, unit: u32) -> VALUE {
#if FORMAT == q8_0
  return unitOf(v[offset + unit], v[offset + UNITS + unit / 16], unit);
#else
  return unitOf(v[offset + unit]);
#endif
}
