// Reductions over a workgroup: every invocation gets the same result. Both flavors have the same functions.
var<workgroup> partial: array<f32, WORKGROUP>;

#if SUBGROUPS
// Invocations of a subgroup exchange registers, and subgroups workgroup memory: two barriers instead of
// log2(WORKGROUP).
fn workgroupSum(value: f32, lane: u32) -> f32 {
  let size = subgroupAdd(1u);
  let own = subgroupAdd(value);
  if (lane % size == 0u) {
    partial[lane / size] = own;
  }
  workgroupBarrier();
  var total = 0.0;
  for (var i = 0u; i < WORKGROUP / size; i++) {
    total += partial[i];
  }
  workgroupBarrier();
  return total;
}

fn workgroupMax(value: f32, lane: u32) -> f32 {
  let size = subgroupAdd(1u);
  let own = subgroupMax(value);
  if (lane % size == 0u) {
    partial[lane / size] = own;
  }
  workgroupBarrier();
  var largest = partial[0];
  for (var i = 1u; i < WORKGROUP / size; i++) {
    largest = max(largest, partial[i]);
  }
  workgroupBarrier();
  return largest;
}
#else
fn workgroupSum(value: f32, lane: u32) -> f32 {
  partial[lane] = value;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      partial[lane] += partial[lane + half];
    }
    workgroupBarrier();
  }
  let total = partial[0];
  workgroupBarrier();
  return total;
}

fn workgroupMax(value: f32, lane: u32) -> f32 {
  partial[lane] = value;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      partial[lane] = max(partial[lane], partial[lane + half]);
    }
    workgroupBarrier();
  }
  let largest = partial[0];
  workgroupBarrier();
  return largest;
}
#endif
