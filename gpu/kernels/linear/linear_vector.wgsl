// x Wᵀ for one to four rows (ROWS): a workgroup makes COLUMNS features of each; its lanes share the features of x, so
// that they read each row of the weight in whole lines, once.
//
// The same x may be multiplied by up to three weights of one shape (PRODUCTS): each has a layer of workgroups.
#include linear_operands
#include indices
#include reduce
#include shared_columns
#if !PRODUCTS == 1
#again shared_columns B
#endif
#if PRODUCTS == 3
#again shared_columns C
#endif

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) lane: u32,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let firstColumn = workgroupNumber(group, groups) * COLUMNS;
  if (firstColumn >= params.columns) {
    return;
  }
#if PRODUCTS == 1
  multiply(firstColumn, lane);
#else
  if (group.z == 0) {
    multiply(firstColumn, lane);
  }
  if (group.z == 1) {
    multiplyB(firstColumn, lane);
  }
#if PRODUCTS == 3
  if (group.z == 2) {
    multiplyC(firstColumn, lane);
  }
#endif
#endif
}
