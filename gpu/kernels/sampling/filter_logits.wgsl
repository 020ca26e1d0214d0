// Narrows each row's distribution without sorting it; a workgroup for each row. Logits map to whole numbers in the same
// order. The number at which the wanted count (top-k) or mass (top-p) is reached is found bit by bit; among equals at
// it the lower ids are kept. A row that holds a NaN is not filtered.
#include exponent
#include indices
#include not_a_number
#include reduce

struct Params {
  rows: u32,
  width: u32,
  topK: u32,
  // Share of the mass: that of the nucleus, or with TAIL that of the rest.
  smallerMass: f32,
  minP: f32,
  topAPower: f32,
  topARatio: f32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> logits: array<f32>;
@group(0) @binding(2) var<storage, read_write> out: array<f32>;

// What is kept: keys above the edge, and those at the edge up to the last id.
var<private> edge: u32 = 0u;
var<private> lastId: u32 = 0xffffffffu;
// The row at hand: its first logit and its largest.
var<private> base: u32;
var<private> largest: f32;

var<workgroup> counts: array<u32, WORKGROUP>;
var<workgroup> foundId: u32;

// A whole number for each logit, in the same order.
fn keyOf(logit: f32) -> u32 {
  let bits = bitcast<u32>(select(logit, 0.0, logit == 0.0));
  return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0);
}

fn isKept(i: u32) -> bool {
  let key = keyOf(logits[base + i]);
  return key > edge || (key == edge && i <= lastId);
}

// The logit of a key.
fn logitOf(key: u32) -> f32 {
  return bitcast<f32>(select(~key, key ^ 0x80000000u, (key & 0x80000000u) != 0));
}

// The probability of a logit relative to the largest, which may be infinite.
fn relativeOf(logit: f32) -> f32 {
  return select(select(exponent(logit - largest), 1.0, logit == largest), 0.0, logit <= LOWEST);
}

fn relative(i: u32) -> f32 {
  return relativeOf(logits[base + i]);
}

// Number of kept tokens from a key on.
fn countFrom(key: u32, lane: u32) -> f32 {
  var count = 0.0;
  for (var i = lane; i < params.width; i += WORKGROUP) {
    count += select(0.0, 1.0, keyOf(logits[base + i]) >= key && isKept(i));
  }
  return workgroupSum(count, lane);
}

// Mass of the kept tokens from a key on, or below it, in units of the largest.
fn massBeside(key: u32, isBelow: bool, lane: u32) -> f32 {
  var mass = 0.0;
  // The rounding error of the sum (Kahan), because sums over 50,000 tokens must tell masses of 1e-6 apart.
  var lost = 0.0;
  for (var i = lane; i < params.width; i += WORKGROUP) {
    if ((keyOf(logits[base + i]) < key) == isBelow && isKept(i)) {
      let term = relative(i) - lost;
      let next = mass + term;
      lost = (next - mass) - term;
      mass = next;
    }
  }
  return workgroupSum(mass, lane);
}

// The id of the `number`-th kept token at a key, counted from 1; each invocation counts a run of neighboring ids.
fn idAt(key: u32, number: u32, lane: u32) -> u32 {
  let run = (params.width + WORKGROUP - 1) / WORKGROUP;
  let first = lane * run;
  let end = min(first + run, params.width);
  var own = 0u;
  for (var i = first; i < end; i++) {
    own += select(0u, 1u, keyOf(logits[base + i]) == key && isKept(i));
  }
  counts[lane] = own;
  if (lane == 0) {
    foundId = 0xffffffffu;
  }
  workgroupBarrier();
  var before = 0u;
  for (var l = 0u; l < lane; l++) {
    before += counts[l];
  }
  if (before < number && number <= before + own) {
    var i = first;
    while (true) {
      before += select(0u, 1u, keyOf(logits[base + i]) == key && isKept(i));
      if (before == number) {
        break;
      }
      i++;
    }
    foundId = i;
  }
  workgroupBarrier();
  let found = foundId;
  workgroupBarrier();
  return found;
}

@compute @workgroup_size(WORKGROUP)
fn main(
  @builtin(local_invocation_index) lane: u32,
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
) {
  let row = workgroupNumber(group, groups);
  if (row >= params.rows) {
    return;
  }
  base = row * params.width;
  var own = LOWEST;
  var broken = 0.0;
  for (var i = lane; i < params.width; i += WORKGROUP) {
    own = max(own, logits[base + i]);
    broken = select(broken, 1.0, isNotANumber(logits[base + i]));
  }
  largest = workgroupMax(own, lane);
  broken = workgroupMax(broken, lane);

#if HAS_TOP_K
  var kEdge = 0u;
  for (var bit = 0x80000000u; bit > 0; bit >>= 1) {
    if (countFrom(kEdge | bit, lane) >= f32(params.topK)) {
      kEdge |= bit;
    }
  }
  let above = u32(countFrom(kEdge + 1, lane));
  lastId = idAt(kEdge, params.topK - above, lane);
  edge = kEdge;
#endif

#if HAS_TOP_P
  // Sums the smaller of the two sides, kept or removed, because its rounding errors are smaller.
  let goal = params.smallerMass * massBeside(0u, false, lane);
  var pEdge = 0u;
  for (var bit = 0x80000000u; bit > 0; bit >>= 1) {
    let mass = massBeside(pEdge | bit, TAIL, lane);
    if (select(mass >= goal, mass <= goal, TAIL)) {
      pEdge |= bit;
    }
  }
  let equals = countFrom(pEdge, lane) - countFrom(pEdge + 1, lane);
  let each = relativeOf(logitOf(pEdge));
  var number = equals;
#if TAIL
  number -= floor((goal - massBeside(pEdge, true, lane)) / each);
#else
  number = ceil((goal - massBeside(pEdge + 1, false, lane)) / each);
#endif
  lastId = idAt(pEdge, u32(clamp(number, 1.0, max(equals, 1.0))), lane);
  edge = pEdge;
#endif

  var least = 0.0;
#if HAS_MIN_P
  least = params.minP;
#endif
#if HAS_TOP_A
  var mass = 0.0;
  for (var i = lane; i < params.width; i += WORKGROUP) {
    if (isKept(i) && relative(i) >= least) {
      mass += relative(i);
    }
  }
  mass = workgroupSum(mass, lane);
  // max(p) is 1 / mass in these units, and the limit is relative to the largest.
  least = max(least, min(pow(1.0 / mass, params.topAPower) * params.topARatio * mass, 1.0));
#endif
  for (var i = lane; i < params.width; i += WORKGROUP) {
    out[base + i] = select(LOWEST, logits[base + i], broken > 0.0 || (isKept(i) && relative(i) >= least));
  }
}
