// Counts the rounds of a loop that an invocation is granted; some drivers end loops early, and say nothing.
@group(0) @binding(0) var<storage, read_write> rounds: array<u32, 4>;

@compute @workgroup_size(1)
fn main() {
  let asked = rounds[0];
  var made = 0u;
  // Prevents compilers from computing the count without running the loop.
  var mixed = rounds[2];
  for (var i = 0u; i < asked; i++) {
    mixed = mixed * 1664525u + 1013904223u;
    made++;
  }
  rounds[1] = made;
  rounds[2] = mixed;
}
