// The index of the largest value over a workgroup, the lowest among equals; every invocation gets it.
var<workgroup> candidateValues: array<f32, WORKGROUP>;
var<workgroup> candidateIndices: array<u32, WORKGROUP>;

fn isBetter(value: f32, index: u32, other: u32) -> bool {
  return value > candidateValues[other] || (value == candidateValues[other] && index < candidateIndices[other]);
}

fn workgroupArgmax(value: f32, index: u32, lane: u32) -> u32 {
#if SUBGROUPS
  let size = subgroupAdd(1u);
  let largest = subgroupMax(value);
  let lowest = subgroupMin(select(0xffffffffu, index, value == largest));
  if (lane % size == 0u) {
    candidateValues[lane / size] = largest;
    candidateIndices[lane / size] = lowest;
  }
  workgroupBarrier();
  var best = 0u;
  for (var i = 1u; i < WORKGROUP / size; i++) {
    if (isBetter(candidateValues[i], candidateIndices[i], best)) {
      best = i;
    }
  }
  let result = candidateIndices[best];
#else
  candidateValues[lane] = value;
  candidateIndices[lane] = index;
  workgroupBarrier();
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    if (lane < half && isBetter(candidateValues[lane + half], candidateIndices[lane + half], lane)) {
      candidateValues[lane] = candidateValues[lane + half];
      candidateIndices[lane] = candidateIndices[lane + half];
    }
    workgroupBarrier();
  }
  let result = candidateIndices[0];
#endif
  workgroupBarrier();
  return result;
}
