// Cuts images [b, c, h, w] into patches: "b c (h p1) (w p2) -> b (h w) (p1 p2 c)".
#include indices

struct Params {
  size: u32,
  channels: u32,
  height: u32,
  width: u32,
  patchSize: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> images: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) lane: u32,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let i = workgroupNumber(group, groups) * WORKGROUP + lane;
  if (i >= params.size) {
    return;
  }
  let p = params.patchSize;
  let columns = params.width / p;
  let channel = i % params.channels;
  let inPatch = (i / params.channels) % (p * p);
  let number = i / (params.channels * p * p);
  let x = (number % columns) * p + inPatch % p;
  let y = ((number / columns) % (params.height / p)) * p + inPatch / p;
  let image = number / (columns * (params.height / p));
  out[i] = images[((image * params.channels + channel) * params.height + y) * params.width + x];
}
