// Dispatches longer than one dimension allows are folded into rows of workgroups.
fn workgroupNumber(group: vec3<u32>, groups: vec3<u32>) -> u32 {
  return group.y * groups.x + group.x;
}
