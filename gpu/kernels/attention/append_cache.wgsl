// Writes keys or values [b, n, KV·d] into a cache [rows, KV, capacity, d], at their positions modulo its capacity.
#include append_inputs
#if FORMAT == f16
#include half
#endif

#if FORMAT == f16
fn stored(value: VALUE) -> vec2<u32> {
  return vec2<u32>(halfPair(value.xy), halfPair(value.zw));
}
#else
fn stored(value: VALUE) -> VALUE {
  return value;
}
#endif

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) lane: u32,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let number = workgroupNumber(group, groups) * WORKGROUP + lane;
  if (number >= params.size * CACHES) {
    return;
  }
  let isValue = number >= params.size;
  let i = number % params.size;
  let unit = unitOf(isValue, i);
  let head = (i / params.units) % params.kvHeads;
  let row = (i / (params.units * params.kvHeads)) % params.rows;
  let batch = i / (params.units * params.kvHeads * params.rows);
  let slot = slotOf(batch, row, head);
  if (slot >= 0) {
    write(isValue, u32(slot) * params.units + i % params.units, stored(unit));
  }
}
