// A weight in blocks, whose quants take BLOCK_WORDS words each and lie in front of the scales.
#include blocks

@group(0) @binding(2) var<storage, read> weight: array<u32>;

fn weightScale(row: u32, block: u32) -> f32 {
  let blocks = (params.quads + 7) / 8;
  return blockScale(weight[row + blocks * BLOCK_WORDS + block / 2], block);
}
