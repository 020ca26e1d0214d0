// Values weighted by probabilities [b, H, n, memory + columns]: an invocation for each unit of the result.
#include attention_inputs
#include values
#include indices

@group(0) @binding(1) var<storage, read> probabilities: array<f32>;
@group(0) @binding(7) var<storage, read> memoryValues: array<VALUE>;
@group(0) @binding(10) var<storage, read_write> out: array<VALUE>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) lane: u32,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let index = workgroupNumber(group, groups) * WORKGROUP + lane;
  let unit = index % UNITS;
  let head = (index / UNITS) % params.heads;
  let i = (index / (UNITS * params.heads)) % params.queries;
  let batch = index / (UNITS * params.heads * params.queries);
  if (batch >= params.count) {
    return;
  }
  let kvHead = head % params.kvHeads;
  let kept = keyRow(batch);
  let first = ((batch * params.heads + head) * params.queries + i) * (params.memory + params.columns);
  var sum = VALUE(0.0);
  if (params.resumes != 0) {
    sum = out[index];
  }
  for (var column = params.firstMemory; column < params.endMemory; column++) {
    sum += probabilities[first + column] * memoryValues[memoryOffset(kvHead, column) + unit];
  }
  for (var column = params.firstColumn; column < params.endColumn; column++) {
    sum += probabilities[first + params.memory + column] * valueUnit(keyOffset(kept, kvHead, column), unit);
  }
  out[index] = sum;
}
