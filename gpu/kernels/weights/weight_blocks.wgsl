// A weight in blocks of 32 values, whose quants take BLOCK_WORDS words each.
#include blocks

@group(0) @binding(2) var<storage, read> weight: array<u32>;

fn weightScale(row: u32, block: u32) -> f32 {
  let blocks = (params.quads + 7) / 8;
  return blockScale(weight[row + blocks * BLOCK_WORDS + block / 2], block);
}
