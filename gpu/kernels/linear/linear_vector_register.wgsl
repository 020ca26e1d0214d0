// x Wᵀ for one row: each invocation makes eight features by itself. No barriers: for adapters that are a CPU. There a
// load costs more than the arithmetic on it, so several columns share the loads of x.
//
// The same x may be multiplied by up to three weights of one shape (PRODUCTS): each has a layer of workgroups.
#include linear_operands
#include indices
#include eight_columns
#if !PRODUCTS == 1
#again eight_columns B
#endif
#if PRODUCTS == 3
#again eight_columns C
#endif

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) lane: u32,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let column = (workgroupNumber(group, groups) * WORKGROUP + lane) * 8;
  if (column >= params.columns) {
    return;
  }
#if PRODUCTS == 1
  multiply(column);
#else
  if (group.z == 0) {
    multiply(column);
  }
  if (group.z == 1) {
    multiplyB(column);
  }
#if PRODUCTS == 3
  if (group.z == 2) {
    multiplyC(column);
  }
#endif
#endif
}
