// deno-fmt-ignore-file
// Made from gpu/kernels/*/*.wgsl by `deno task build`; not to be edited.

/** Kernels and snippets by the name of their file. */
export const KERNELS: Readonly<Record<string, string>> = {
  accept_draft: "// The acceptance step of speculative decoding (arXiv 2211.17192, algorithm 1), in one workgroup: drafted token i is\n" +
    "// accepted with probability min(1, p/q); the first rejected one is replaced by a draw from max(0, p - q), and the last\n" +
    "// accepted one is followed by a draw from p. All rows are processed, also those after a rejection, so that barriers are\n" +
    "// in uniform control flow. The token is -1 if its row has nothing to draw.\n" +
    "#include not_a_number\n" +
    "#include random\n" +
    "#include reduce\n" +
    "#include reduce_index\n" +
    "\n" +
    "struct Params {\n" +
    "  drafted: u32,\n" +
    "  width: u32,\n" +
    "  seed: u32,\n" +
    "  counter: u32,\n" +
    "  inverseTemperature: f32,\n" +
    "}\n" +
    "\n" +
    "@group(0) @binding(0) var<uniform> params: Params;\n" +
    "@group(0) @binding(1) var<storage, read> wanted: array<f32>;\n" +
    "@group(0) @binding(2) var<storage, read> guessed: array<f32>;\n" +
    "@group(0) @binding(3) var<storage, read> tokens: array<i32>;\n" +
    "@group(0) @binding(4) var<storage, read_write> out: array<i32>;\n" +
    "\n" +
    "// The seed is xored with these, because the numbers must be independent of those that made the draft.\n" +
    "const ACCEPT_SEED = 0x85ebca6bu;\n" +
    "const RESIDUAL_SEED = 0x9e3779b9u;\n" +
    "\n" +
    "// The largest logit of a row, and the factor that makes e^((logit - largest) / temperature) a probability; 0 if nothing\n" +
    "// can be drawn.\n" +
    "struct Softmax {\n" +
    "  largest: f32,\n" +
    "  factor: f32,\n" +
    "}\n" +
    "\n" +
    "fn probability(logit: f32, softmax: Softmax) -> f32 {\n" +
    "  // The largest becomes 0 even if it is infinite.\n" +
    "  let scaled = select((logit - softmax.largest) * params.inverseTemperature, 0.0, logit == softmax.largest);\n" +
    "  return select(exp(scaled) * softmax.factor, 0.0, logit <= LOWEST);\n" +
    "}\n" +
    "\n" +
    "fn softmaxOf(largest: f32, total: f32, broken: f32) -> Softmax {\n" +
    "  return Softmax(largest, select(0.0, 1.0 / total, largest > LOWEST && broken == 0.0));\n" +
    "}\n" +
    "\n" +
    "fn ofWanted(row: u32, lane: u32) -> Softmax {\n" +
    "  var largest = LOWEST;\n" +
    "  var broken = 0.0;\n" +
    "  for (var i = lane; i < params.width; i += WORKGROUP) {\n" +
    "    let logit = wanted[row * params.width + i];\n" +
    "    largest = max(largest, logit);\n" +
    "    broken = select(broken, 1.0, isNotANumber(logit));\n" +
    "  }\n" +
    "  largest = workgroupMax(largest, lane);\n" +
    "  broken = workgroupMax(broken, lane);\n" +
    "  var sum = 0.0;\n" +
    "  for (var i = lane; i < params.width; i += WORKGROUP) {\n" +
    "    sum += probability(wanted[row * params.width + i], Softmax(largest, 1.0));\n" +
    "  }\n" +
    "  return softmaxOf(largest, workgroupSum(sum, lane), broken);\n" +
    "}\n" +
    "\n" +
    "fn ofGuessed(row: u32, lane: u32) -> Softmax {\n" +
    "  var largest = LOWEST;\n" +
    "  var broken = 0.0;\n" +
    "  for (var i = lane; i < params.width; i += WORKGROUP) {\n" +
    "    let logit = guessed[row * params.width + i];\n" +
    "    largest = max(largest, logit);\n" +
    "    broken = select(broken, 1.0, isNotANumber(logit));\n" +
    "  }\n" +
    "  largest = workgroupMax(largest, lane);\n" +
    "  broken = workgroupMax(broken, lane);\n" +
    "  var sum = 0.0;\n" +
    "  for (var i = lane; i < params.width; i += WORKGROUP) {\n" +
    "    sum += probability(guessed[row * params.width + i], Softmax(largest, 1.0));\n" +
    "  }\n" +
    "  return softmaxOf(largest, workgroupSum(sum, lane), broken);\n" +
    "}\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(@builtin(local_invocation_index) lane: u32) {\n" +
    "  var accepted = 0u;\n" +
    "  var isOver = false;\n" +
    "  var isBroken = false;\n" +
    "  var p = Softmax(0.0, 0.0);\n" +
    "  var q = Softmax(0.0, 0.0);\n" +
    "  for (var i = 0u; i < params.drafted; i++) {\n" +
    "    let wish = ofWanted(i, lane);\n" +
    "    let draft = ofGuessed(i, lane);\n" +
    "    let isToken = u32(tokens[i]) < params.width;\n" +
    "    let at = i * params.width + select(0u, u32(tokens[i]), isToken);\n" +
    "    let limit = uniformNumber(params.seed ^ ACCEPT_SEED, params.counter, i, 0) * probability(guessed[at], draft);\n" +
    "    let canDraw = wish.factor > 0.0 && draft.factor > 0.0;\n" +
    "    if (!isOver && canDraw && isToken && limit < probability(wanted[at], wish)) {\n" +
    "      accepted += 1;\n" +
    "    } else if (!isOver) {\n" +
    "      isBroken = !canDraw;\n" +
    "      isOver = true;\n" +
    "      p = wish;\n" +
    "      q = draft;\n" +
    "    }\n" +
    "  }\n" +
    "  let afterAll = ofWanted(params.drafted, lane);\n" +
    "  if (!isOver) {\n" +
    "    p = afterAll;\n" +
    "    isBroken = afterAll.factor <= 0.0;\n" +
    "  }\n" +
    "\n" +
    "  let base = accepted * params.width;\n" +
    "  var residual = 0.0;\n" +
    "  if (isOver) {\n" +
    "    for (var i = lane; i < params.width; i += WORKGROUP) {\n" +
    "      residual = max(residual, probability(wanted[base + i], p) - probability(guessed[base + i], q));\n" +
    "    }\n" +
    "  }\n" +
    "  let hasResidual = workgroupMax(residual, lane) > 0.0;\n" +
    "  var best = -1.0;\n" +
    "  var index = lane;\n" +
    "  for (var i = lane; i < params.width; i += WORKGROUP) {\n" +
    "    var weight = probability(wanted[base + i], p);\n" +
    "    if (hasResidual) {\n" +
    "      weight = max(0.0, weight - probability(guessed[base + i], q));\n" +
    "    }\n" +
    "    let score = weight / exponential(params.seed ^ RESIDUAL_SEED, params.counter, accepted, i);\n" +
    "    if (score > best) {\n" +
    "      best = score;\n" +
    "      index = i;\n" +
    "    }\n" +
    "  }\n" +
    "  let token = workgroupArgmax(best, index, lane);\n" +
    "  if (lane == 0) {\n" +
    "    out[0] = i32(accepted);\n" +
    "    out[1] = select(i32(token), -1, isBroken);\n" +
    "  }\n" +
    "}",
  activate: "// An activation of every value.\n" +
    "#include activation\n" +
    "#include indices\n" +
    "\n" +
    "struct Params {\n" +
    "  size: u32,\n" +
    "}\n" +
    "\n" +
    "@group(0) @binding(0) var<uniform> params: Params;\n" +
    "@group(0) @binding(1) var<storage, read> x: array<VALUE>;\n" +
    "@group(0) @binding(2) var<storage, read_write> out: array<VALUE>;\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(num_workgroups) groups: vec3<u32>,\n" +
    ") {\n" +
    "  let i = workgroupNumber(group, groups) * WORKGROUP + lane;\n" +
    "  if (i < params.size) {\n" +
    "    out[i] = ACTIVATION(x[i]);\n" +
    "  }\n" +
    "}",
  activation: "#include math\n" +
    "\n" +
    "fn none(x: VALUE) -> VALUE {\n" +
    "  return x;\n" +
    "}\n" +
    "\n" +
    "// x/2 (1 + erf(x / √2)), the exact GELU (arXiv 1606.08415).\n" +
    "fn gelu(x: VALUE) -> VALUE {\n" +
    "  let h = x * 0.5;\n" +
    "  return h * erf(x * 0.7071067811865476) + h;\n" +
    "}\n" +
    "\n" +
    "fn sigmoid(x: VALUE) -> VALUE {\n" +
    "  // Beyond ±80 nothing changes, and e^80 is still far from overflow.\n" +
    "  return VALUE(1.0) / (VALUE(1.0) + exp(-clamp(x, VALUE(-80.0), VALUE(80.0))));\n" +
    "}\n" +
    "\n" +
    "// x/2 (1 + tanh(√(2/π) (x + 0.044715 x³))), which is x · sigmoid(√(8/π) (x + 0.044715 x³)).\n" +
    "fn geluTanh(x: VALUE) -> VALUE {\n" +
    "  // Beyond ±10 the sigmoid is 0 or 1, and the cube of ±10 is still far from overflow.\n" +
    "  let a = clamp(x, VALUE(-10.0), VALUE(10.0));\n" +
    "  return x * sigmoid(a * (a * a * VALUE(0.07135481627260025) + VALUE(1.5957691216057308)));\n" +
    "}\n" +
    "\n" +
    "fn silu(x: VALUE) -> VALUE {\n" +
    "  return x * sigmoid(x);\n" +
    "}\n" +
    "\n" +
    "fn relu(x: VALUE) -> VALUE {\n" +
    "  return max(x, VALUE(0.0));\n" +
    "}\n" +
    "\n" +
    "fn reluSquared(x: VALUE) -> VALUE {\n" +
    "  let positive = relu(x);\n" +
    "  return positive * positive;\n" +
    "}",
  add: "// x + y · scale · factor; y is repeated over x, scale over its rows.\n" +
    "#include indices\n" +
    "\n" +
    "struct Params {\n" +
    "  size: u32,\n" +
    "  ySize: u32,\n" +
    "  width: u32,\n" +
    "  factor: f32,\n" +
    "}\n" +
    "\n" +
    "@group(0) @binding(0) var<uniform> params: Params;\n" +
    "@group(0) @binding(1) var<storage, read> x: array<VALUE>;\n" +
    "@group(0) @binding(2) var<storage, read> y: array<VALUE>;\n" +
    "#if HAS_SCALE\n" +
    "@group(0) @binding(3) var<storage, read> scale: array<VALUE>;\n" +
    "#endif\n" +
    "@group(0) @binding(4) var<storage, read_write> out: array<VALUE>;\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(num_workgroups) groups: vec3<u32>,\n" +
    ") {\n" +
    "  let i = workgroupNumber(group, groups) * WORKGROUP + lane;\n" +
    "  if (i >= params.size) {\n" +
    "    return;\n" +
    "  }\n" +
    "  var other = y[i % params.ySize];\n" +
    "#if HAS_SCALE\n" +
    "  other *= scale[i % params.width];\n" +
    "#endif\n" +
    "  out[i] = x[i] + other * params.factor;\n" +
    "}",
  append_cache: "// Writes keys or values [b, n, KV·d] into a cache [rows, KV, capacity, d], at their positions modulo its capacity.\n" +
    "#include append_inputs\n" +
    "#if FORMAT == f16\n" +
    "#include half\n" +
    "#endif\n" +
    "\n" +
    "#if FORMAT == f16\n" +
    "fn stored(value: VALUE) -> vec2<u32> {\n" +
    "  return vec2<u32>(halfPair(value.xy), halfPair(value.zw));\n" +
    "}\n" +
    "#else\n" +
    "fn stored(value: VALUE) -> VALUE {\n" +
    "  return value;\n" +
    "}\n" +
    "#endif\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(num_workgroups) groups: vec3<u32>,\n" +
    ") {\n" +
    "  let number = workgroupNumber(group, groups) * WORKGROUP + lane;\n" +
    "  if (number >= params.size * CACHES) {\n" +
    "    return;\n" +
    "  }\n" +
    "  let isValue = number >= params.size;\n" +
    "  let i = number % params.size;\n" +
    "  let unit = unitOf(isValue, i);\n" +
    "  let head = (i / params.units) % params.kvHeads;\n" +
    "  let row = (i / (params.units * params.kvHeads)) % params.rows;\n" +
    "  let batch = i / (params.units * params.kvHeads * params.rows);\n" +
    "  let slot = slotOf(batch, row, head);\n" +
    "  if (slot >= 0) {\n" +
    "    write(isValue, u32(slot) * params.units + i % params.units, stored(unit));\n" +
    "  }\n" +
    "}",
  append_cache_q8: "// Writes keys or values [b, n, KV·d] into a q8_0 cache [rows, KV, capacity, d], at their positions modulo its capacity.\n" +
    "// An invocation makes a word of scales, so it takes two blocks of 32 features, or the last one of an odd number. The\n" +
    "// rounding is that of `quantize_row_q8_0_ref` of GGML's ggml-quants.c, to the bit: d = max |x| / 127, q = x / d to the\n" +
    "// nearest, halves away from zero.\n" +
    "#include append_inputs\n" +
    "#include half\n" +
    "#include exact_division\n" +
    "\n" +
    "// Whole numbers of at most 127 as signed bytes of a word. They are rounded by their bits because a compiler may fuse an\n" +
    "// addition with a product.\n" +
    "fn roundedBytes(values: vec4<f32>) -> u32 {\n" +
    "  let bits = bitcast<vec4<u32>>(values);\n" +
    "  let magnitude = bits & vec4<u32>(0x7fffffff);\n" +
    "  let shift = vec4<u32>(150) - (magnitude >> vec4<u32>(23));\n" +
    "  let mantissa = (magnitude & vec4<u32>(0x7fffff)) | vec4<u32>(0x800000);\n" +
    "  var whole = (mantissa + (vec4<u32>(1) << (shift - 1))) >> shift;\n" +
    "  // Values below a half, and NaN.\n" +
    "  whole = select(whole, vec4<u32>(0), (magnitude < vec4<u32>(0x3f000000)) | (magnitude >= vec4<u32>(0x43000000)));\n" +
    "  let bytes = select(whole, 0 - whole, bits > vec4<u32>(0x7fffffff)) & vec4<u32>(255);\n" +
    "  return bytes.x | (bytes.y << 8) | (bytes.z << 16) | (bytes.w << 24);\n" +
    "}\n" +
    "\n" +
    "// Writes the quants of a block from a word on, where it is kept; gives the bits of its scale.\n" +
    "fn writeBlock(isValue: bool, quad: u32, isKept: bool, word: u32) -> u32 {\n" +
    "  var quads: array<vec4<f32>, 8>;\n" +
    "  var largest = 0.0;\n" +
    "  for (var i = 0u; i < 8; i++) {\n" +
    "    quads[i] = unitOf(isValue, quad + i);\n" +
    "    let pairs = max(abs(quads[i].xy), abs(quads[i].zw));\n" +
    "    largest = max(largest, max(pairs.x, pairs.y));\n" +
    "  }\n" +
    "  if (!isKept) {\n" +
    "    return 0;\n" +
    "  }\n" +
    "  let scale = over127(largest);\n" +
    "  let inverse = reciprocal(scale);\n" +
    "  for (var i = 0u; i < 8; i++) {\n" +
    "    write(isValue, word + i, roundedBytes(quads[i] * inverse));\n" +
    "  }\n" +
    "  return halfBits(scale);\n" +
    "}\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(num_workgroups) groups: vec3<u32>,\n" +
    ") {\n" +
    "  let number = workgroupNumber(group, groups) * WORKGROUP + lane;\n" +
    "  if (number >= params.size * CACHES) {\n" +
    "    return;\n" +
    "  }\n" +
    "  let isValue = number >= params.size;\n" +
    "  let i = number % params.size;\n" +
    "  let pairs = (params.units + 1) / 2;\n" +
    "  let block = (i % pairs) * 2;\n" +
    "  let head = i / pairs;\n" +
    "  let row = (head / params.kvHeads) % params.rows;\n" +
    "  let batch = head / (params.kvHeads * params.rows);\n" +
    "  let slot = slotOf(batch, row, head % params.kvHeads);\n" +
    "  let isKept = slot >= 0;\n" +
    "  let first = u32(max(slot, 0)) * (8 * params.units + pairs);\n" +
    "  let quad = (head * params.units + block) * 8;\n" +
    "  var scales = writeBlock(isValue, quad, isKept, first + 8 * block);\n" +
    "  if (block + 1 < params.units) {\n" +
    "    scales |= writeBlock(isValue, quad + 8, isKept, first + 8 * block + 8) << 16;\n" +
    "  }\n" +
    "  if (isKept) {\n" +
    "    write(isValue, first + 8 * params.units + block / 2, scales);\n" +
    "  }\n" +
    "}",
  append_inputs: "// What is written into caches: keys, which may be rotated on the way (ROTARY), and where there are two CACHES, values\n" +
    "// too, whose invocations follow those of the keys.\n" +
    "#include indices\n" +
    "#include cache_row\n" +
    "\n" +
    "struct Params {\n" +
    "  // Invocations of one cache.\n" +
    "  size: u32,\n" +
    "  // Rows of x in each batch row, key heads, slots, and units or blocks of a head.\n" +
    "  rows: u32,\n" +
    "  kvHeads: u32,\n" +
    "  capacity: u32,\n" +
    "  units: u32,\n" +
    "  // Numbers that `positions` has of a sequence: 1, the position of its first row; 2, with it the row of the cache that\n" +
    "  // the sequence has.\n" +
    "  positionNumbers: u32,\n" +
    "  cacheRows: u32,\n" +
    "#if ROTARY\n" +
    "  // Features of a row of x, of a head, and rotated ones of a head.\n" +
    "  width: u32,\n" +
    "  headWidth: u32,\n" +
    "  rotated: u32,\n" +
    "  // Rows of the table, which repeats over the rows of x.\n" +
    "  tableRows: u32,\n" +
    "#endif\n" +
    "}\n" +
    "\n" +
    "@group(0) @binding(0) var<uniform> params: Params;\n" +
    "#if ROTARY\n" +
    "@group(0) @binding(1) var<storage, read> x: array<f32>;\n" +
    "#include rotation\n" +
    "@group(0) @binding(3) var<storage, read_write> rotatedOut: array<VALUE>;\n" +
    "#else\n" +
    "@group(0) @binding(1) var<storage, read> x: array<VALUE>;\n" +
    "#endif\n" +
    "@group(0) @binding(4) var<storage, read> positions: array<i32>;\n" +
    "#if HAS_LENGTHS\n" +
    "@group(0) @binding(5) var<storage, read> lengths: array<i32>;\n" +
    "#endif\n" +
    "@group(0) @binding(6) var<storage, read_write> cache: array<STORED>;\n" +
    "#if CACHES == 2\n" +
    "@group(0) @binding(7) var<storage, read> values: array<VALUE>;\n" +
    "@group(0) @binding(8) var<storage, read_write> valueCache: array<STORED>;\n" +
    "#endif\n" +
    "\n" +
    "// A unit of the keys; what it rotates, it also writes where the rotated keys are to be.\n" +
    "fn keyOf(unit: u32) -> VALUE {\n" +
    "#if ROTARY\n" +
    "#if LANES == 4\n" +
    "  let i = unit * 4;\n" +
    "  let value = vec4<f32>(rotated(i), rotated(i + 1), rotated(i + 2), rotated(i + 3));\n" +
    "#else\n" +
    "  let value = rotated(unit);\n" +
    "#endif\n" +
    "  rotatedOut[unit] = value;\n" +
    "  return value;\n" +
    "#else\n" +
    "  return x[unit];\n" +
    "#endif\n" +
    "}\n" +
    "\n" +
    "fn unitOf(isValue: bool, unit: u32) -> VALUE {\n" +
    "#if CACHES == 2\n" +
    "  if (isValue) {\n" +
    "    return values[unit];\n" +
    "  }\n" +
    "#endif\n" +
    "  return keyOf(unit);\n" +
    "}\n" +
    "\n" +
    "fn write(isValue: bool, at: u32, stored: STORED) {\n" +
    "#if CACHES == 2\n" +
    "  if (isValue) {\n" +
    "    valueCache[at] = stored;\n" +
    "    return;\n" +
    "  }\n" +
    "#endif\n" +
    "  cache[at] = stored;\n" +
    "}\n" +
    "\n" +
    "// The slot of a row of x, counted over all heads and rows of the cache; -1 if it is left out.\n" +
    "fn slotOf(batch: u32, row: u32, head: u32) -> i32 {\n" +
    "#if HAS_LENGTHS\n" +
    "  if (i32(row) >= lengths[batch]) {\n" +
    "    return -1;\n" +
    "  }\n" +
    "#endif\n" +
    "  let position = positions[batch * params.positionNumbers] + i32(row);\n" +
    "  if (position < 0) {\n" +
    "    return -1;\n" +
    "  }\n" +
    "  let keptHead = cacheRow(batch) * params.kvHeads + head;\n" +
    "  return i32(keptHead * params.capacity + u32(position) % params.capacity);\n" +
    "}",
  attention: "// Flash attention (arXiv 2205.14135) for many queries: an invocation keeps QUERIES of them, their running maxima and\n" +
    "// their weighted sums of values, and goes along the keys, KEYS at a time. With STAGED a workgroup loads each run of\n" +
    "// keys and values once into workgroup memory. Without it every invocation reads them itself, which is faster on\n" +
    "// adapters that are a CPU, because there a load costs more than the arithmetic on it, unless several queries share it\n" +
    "// (4 × 4 instead of 1 × 4: 3 times as fast on llvmpipe).\n" +
    "//\n" +
    "// If a device's loops don't reach over all keys (PARTS), a dispatch takes some of them and stores the state of each\n" +
    "// query for the next one, as `attention_decode` does for its splits; `attention_reduce` computes the result from it.\n" +
    "#include attention_inputs\n" +
    "#include keys\n" +
    "#include scalar\n" +
    "#include values\n" +
    "\n" +
    "@group(0) @binding(1) var<storage, read> q: array<VALUE>;\n" +
    "@group(0) @binding(6) var<storage, read> memoryKeys: array<VALUE>;\n" +
    "@group(0) @binding(7) var<storage, read> memoryValues: array<VALUE>;\n" +
    "#if PARTS\n" +
    "// For each query: the sums, then the maximum and the total in a unit each.\n" +
    "@group(0) @binding(10) var<storage, read_write> partials: array<VALUE>;\n" +
    "#else\n" +
    "@group(0) @binding(10) var<storage, read_write> out: array<VALUE>;\n" +
    "#endif\n" +
    "\n" +
    "#if STAGED\n" +
    "var<workgroup> keyTile: array<VALUE, KEYS * UNITS>;\n" +
    "var<workgroup> valueTile: array<VALUE, KEYS * UNITS>;\n" +
    "#endif\n" +
    "\n" +
    "// The state of an invocation's queries. Registers can't be indexed, so if loops over a head aren't unrolled (which\n" +
    "// takes llvmpipe seconds for each kernel), queries and sums are in workgroup memory instead, where each invocation uses\n" +
    "// its own part.\n" +
    "#if STAGED\n" +
    "var<private> query: array<VALUE, QUERIES * UNITS>;\n" +
    "var<private> sums: array<VALUE, QUERIES * UNITS>;\n" +
    "\n" +
    "fn slot(r: u32, u: u32, lane: u32) -> u32 {\n" +
    "  return r * UNITS + u;\n" +
    "}\n" +
    "#else\n" +
    "var<workgroup> query: array<VALUE, QUERIES * UNIT_ROOM * WORKGROUP>;\n" +
    "var<workgroup> sums: array<VALUE, QUERIES * UNIT_ROOM * WORKGROUP>;\n" +
    "\n" +
    "fn slot(r: u32, u: u32, lane: u32) -> u32 {\n" +
    "  return (r * UNITS + u) * WORKGROUP + lane;\n" +
    "}\n" +
    "#endif\n" +
    "var<private> largest: array<f32, QUERIES>;\n" +
    "var<private> total: array<f32, QUERIES>;\n" +
    "var<private> scores: array<array<f32, KEYS>, QUERIES>;\n" +
    "// The factor that rescales the earlier sums to the new maximum.\n" +
    "var<private> correction: array<f32, QUERIES>;\n" +
    "\n" +
    "// Turns the scores of KEYS keys into weights, relative to the new maximum.\n" +
    "fn weigh() {\n" +
    "  for (var r = 0u; r < QUERIES; r++) {\n" +
    "    var next = largest[r];\n" +
    "    for (var c = 0u; c < KEYS; c++) {\n" +
    "      next = max(next, scores[r][c]);\n" +
    "    }\n" +
    "    correction[r] = exp(largest[r] - next);\n" +
    "    total[r] *= correction[r];\n" +
    "    for (var c = 0u; c < KEYS; c++) {\n" +
    "      scores[r][c] = select(exp(scores[r][c] - next), 0.0, scores[r][c] <= LOWEST);\n" +
    "      total[r] += scores[r][c];\n" +
    "    }\n" +
    "    largest[r] = next;\n" +
    "  }\n" +
    "}\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    ") {\n" +
    "  let head = group.y;\n" +
    "  let batch = group.z;\n" +
    "  let kvHead = head % params.kvHeads;\n" +
    "  let kept = keyRow(batch);\n" +
    "  let first = firstPosition(batch);\n" +
    "  let last = first + i32(params.queries) - 1;\n" +
    "  // Neighboring invocations have neighboring queries; those past the last query repeat its work and write nothing.\n" +
    "  let firstQuery = group.x * WORKGROUP * QUERIES + lane;\n" +
    "  var base: array<u32, QUERIES>;\n" +
    "  for (var r = 0u; r < QUERIES; r++) {\n" +
    "    base[r] = queryOffset(batch, min(firstQuery + r * WORKGROUP, params.queries - 1), head);\n" +
    "    for (var u = 0u; u < UNITS; u++) {\n" +
    "      query[slot(r, u, lane)] = q[base[r] + u] * params.scale;\n" +
    "      sums[slot(r, u, lane)] = VALUE(0.0);\n" +
    "    }\n" +
    "    largest[r] = LOWEST;\n" +
    "#if PARTS\n" +
    "    if (params.resumes != 0) {\n" +
    "      let known = (base[r] / UNITS) * (UNITS + 2);\n" +
    "      for (var u = 0u; u < UNITS; u++) {\n" +
    "        sums[slot(r, u, lane)] = partials[known + u];\n" +
    "      }\n" +
    "      largest[r] = scalar(partials[known + UNITS]);\n" +
    "      total[r] = scalar(partials[known + UNITS + 1]);\n" +
    "    }\n" +
    "#endif\n" +
    "  }\n" +
    "\n" +
    "  for (var column = params.firstMemory; column < params.endMemory; column++) {\n" +
    "    let key = memoryOffset(kvHead, column);\n" +
    "    for (var r = 0u; r < QUERIES; r++) {\n" +
    "      var score = 0.0;\n" +
    "      for (var u = 0u; u < UNITS; u++) {\n" +
    "        score += product(query[slot(r, u, lane)], memoryKeys[key + u]);\n" +
    "      }\n" +
    "      scores[r][0] = biased(score, true, batch, head, 0, 0);\n" +
    "      for (var c = 1u; c < KEYS; c++) {\n" +
    "        scores[r][c] = LOWEST;\n" +
    "      }\n" +
    "    }\n" +
    "    weigh();\n" +
    "    for (var r = 0u; r < QUERIES; r++) {\n" +
    "      for (var u = 0u; u < UNITS; u++) {\n" +
    "        sums[slot(r, u, lane)] = sums[slot(r, u, lane)] * correction[r] + scores[r][0] * memoryValues[key + u];\n" +
    "      }\n" +
    "    }\n" +
    "  }\n" +
    "\n" +
    "#if HAS_DECAY\n" +
    "  // Blocks between each query and the keys that `query` is scaled for.\n" +
    "  var blocks: array<i32, QUERIES>;\n" +
    "#endif\n" +
    "  // Keys of later positions than the last query here are behind all others, unless a cache has wrapped around.\n" +
    "  let ownLast = first + i32(min((group.x + 1) * WORKGROUP * QUERIES, params.queries)) - 1;\n" +
    "  let isOrdered = (params.causal != 0) & (last < i32(params.columns));\n" +
    "  let end = min(visibleColumns(select(last, ownLast, isOrdered)), params.endColumn);\n" +
    "  var column = params.firstColumn;\n" +
    "  while (column < end) {\n" +
    "    // A run of keys has consecutive positions, all in one xPos block.\n" +
    "    let position = keyPosition(column, last);\n" +
    "    var count = min(KEYS, end - column);\n" +
    "#if CACHE\n" +
    "    let newest = u32(max(last, 0)) % params.columns;\n" +
    "    if (column <= newest) {\n" +
    "      count = min(count, newest + 1 - column);\n" +
    "    }\n" +
    "#endif\n" +
    "#if HAS_DECAY\n" +
    "    count = min(count, u32(XPOS_BLOCK - (position & (XPOS_BLOCK - 1))));\n" +
    "    for (var r = 0u; r < QUERIES; r++) {\n" +
    "      let wanted = blockOf(first + i32(firstQuery + r * WORKGROUP)) - blockOf(position);\n" +
    "      if (wanted != blocks[r]) {\n" +
    "        blocks[r] = wanted;\n" +
    "        for (var u = 0u; u < UNITS; u++) {\n" +
    "          query[slot(r, u, lane)] = q[base[r] + u] * decayed(u, wanted) * params.scale;\n" +
    "        }\n" +
    "      }\n" +
    "    }\n" +
    "#endif\n" +
    "#if STAGED\n" +
    "    workgroupBarrier();\n" +
    "    for (var t = lane; t < count * UNITS; t += WORKGROUP) {\n" +
    "      let offset = keyOffset(kept, kvHead, column + t / UNITS);\n" +
    "      keyTile[t] = keyUnit(offset, t % UNITS);\n" +
    "      valueTile[t] = valueUnit(offset, t % UNITS);\n" +
    "    }\n" +
    "    workgroupBarrier();\n" +
    "#endif\n" +
    "    var offsets: array<u32, KEYS>;\n" +
    "    for (var c = 0u; c < KEYS; c++) {\n" +
    "#if STAGED\n" +
    "      offsets[c] = min(c, count - 1) * UNITS;\n" +
    "#else\n" +
    "      offsets[c] = keyOffset(kept, kvHead, column + min(c, count - 1));\n" +
    "#endif\n" +
    "      for (var r = 0u; r < QUERIES; r++) {\n" +
    "        scores[r][c] = 0.0;\n" +
    "      }\n" +
    "    }\n" +
    "    for (var u = 0u; u < UNITS; u++) {\n" +
    "      for (var c = 0u; c < KEYS; c++) {\n" +
    "#if STAGED\n" +
    "        let key = keyTile[offsets[c] + u];\n" +
    "#else\n" +
    "        let key = keyUnit(offsets[c], u);\n" +
    "#endif\n" +
    "        for (var r = 0u; r < QUERIES; r++) {\n" +
    "          scores[r][c] += product(query[slot(r, u, lane)], key);\n" +
    "        }\n" +
    "      }\n" +
    "    }\n" +
    "    for (var r = 0u; r < QUERIES; r++) {\n" +
    "      let own = first + i32(firstQuery + r * WORKGROUP);\n" +
    "      for (var c = 0u; c < KEYS; c++) {\n" +
    "        let key = position + i32(c);\n" +
    "        scores[r][c] = select(LOWEST, biased(scores[r][c], false, batch, head, own, key), c < count);\n" +
    "      }\n" +
    "    }\n" +
    "    weigh();\n" +
    "    for (var u = 0u; u < UNITS; u++) {\n" +
    "      var values: array<VALUE, KEYS>;\n" +
    "      for (var c = 0u; c < KEYS; c++) {\n" +
    "#if STAGED\n" +
    "        values[c] = valueTile[offsets[c] + u];\n" +
    "#else\n" +
    "        values[c] = valueUnit(offsets[c], u);\n" +
    "#endif\n" +
    "      }\n" +
    "      for (var r = 0u; r < QUERIES; r++) {\n" +
    "        var sum = sums[slot(r, u, lane)] * correction[r];\n" +
    "        for (var c = 0u; c < KEYS; c++) {\n" +
    "          sum += scores[r][c] * values[c];\n" +
    "        }\n" +
    "        sums[slot(r, u, lane)] = sum;\n" +
    "      }\n" +
    "    }\n" +
    "    column += count;\n" +
    "  }\n" +
    "\n" +
    "  for (var r = 0u; r < QUERIES; r++) {\n" +
    "    if (firstQuery + r * WORKGROUP < params.queries) {\n" +
    "#if PARTS\n" +
    "      let known = (base[r] / UNITS) * (UNITS + 2);\n" +
    "      for (var u = 0u; u < UNITS; u++) {\n" +
    "        partials[known + u] = sums[slot(r, u, lane)];\n" +
    "      }\n" +
    "      partials[known + UNITS] = VALUE(largest[r]);\n" +
    "      partials[known + UNITS + 1] = VALUE(total[r]);\n" +
    "#else\n" +
    "      let inverse = select(1.0 / total[r], 0.0, total[r] == 0.0);\n" +
    "      for (var u = 0u; u < UNITS; u++) {\n" +
    "        out[base[r] + u] = sums[slot(r, u, lane)] * inverse;\n" +
    "      }\n" +
    "#endif\n" +
    "    }\n" +
    "  }\n" +
    "}",
  attention_decode: "// Attention of few queries over many keys, split along the keys: a workgroup takes WORKGROUP keys of one key head and\n" +
    "// all (or ROWS) of the queries that read it, so that keys and values are read once. For each query it gives a weighted\n" +
    "// sum of values, its maximum and its total, for `attention_reduce`; with one split it gives the result (DIRECT).\n" +
    "#include attention_inputs\n" +
    "#include keys\n" +
    "#include values\n" +
    "#include reduce\n" +
    "\n" +
    "@group(0) @binding(1) var<storage, read> q: array<VALUE>;\n" +
    "@group(0) @binding(6) var<storage, read> memoryKeys: array<VALUE>;\n" +
    "@group(0) @binding(7) var<storage, read> memoryValues: array<VALUE>;\n" +
    "#if DIRECT\n" +
    "@group(0) @binding(10) var<storage, read_write> out: array<VALUE>;\n" +
    "#else\n" +
    "// For each query and split: the sums, then the maximum and the total in a unit each.\n" +
    "@group(0) @binding(10) var<storage, read_write> partials: array<VALUE>;\n" +
    "#endif\n" +
    "\n" +
    "var<workgroup> weights: array<array<f32, WORKGROUP>, ROWS>;\n" +
    "var<workgroup> tile: array<VALUE, WORKGROUP>;\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    ") {\n" +
    "  let split = group.x;\n" +
    "  let kvHead = group.y % params.kvHeads;\n" +
    "  let firstRow = (group.y / params.kvHeads) * ROWS;\n" +
    "  let batch = group.z;\n" +
    "  let kept = keyRow(batch);\n" +
    "  let rows = params.queries * (params.heads / params.kvHeads);\n" +
    "  let first = firstPosition(batch);\n" +
    "  let last = first + i32(params.queries) - 1;\n" +
    "  let end = params.memory + visibleColumns(last);\n" +
    "  let firstKey = split * WORKGROUP;\n" +
    "  let keys = u32(clamp(i32(end) - i32(firstKey), 0, i32(WORKGROUP)));\n" +
    "\n" +
    "  // The query and the head of each row; rows past the last one repeat its work and write nothing.\n" +
    "  var queries = array<u32, ROWS>();\n" +
    "  var heads = array<u32, ROWS>();\n" +
    "  for (var r = 0u; r < ROWS; r++) {\n" +
    "    let row = min(firstRow + r, rows - 1);\n" +
    "    heads[r] = kvHead + params.kvHeads * (row / params.queries);\n" +
    "    queries[r] = row % params.queries;\n" +
    "  }\n" +
    "\n" +
    "  // Scores: an invocation takes one key to all the queries.\n" +
    "  let index = firstKey + lane;\n" +
    "  let isMemory = index < params.memory;\n" +
    "  let column = min(index - select(params.memory, index, isMemory), max(params.columns, 1u) - 1);\n" +
    "  let position = keyPosition(column, last);\n" +
    "  var scores = array<f32, ROWS>();\n" +
    "  if (lane < keys) {\n" +
    "    let key = keyOffset(kept, kvHead, column);\n" +
    "    for (var u = 0u; u < UNITS; u++) {\n" +
    "      var unit = keyUnit(key, u);\n" +
    "      if (isMemory) {\n" +
    "        unit = memoryKeys[memoryOffset(kvHead, index) + u];\n" +
    "      }\n" +
    "#if HAS_DECAY\n" +
    "      // The few queries are in one block of positions, or in two neighboring ones.\n" +
    "      var factor = VALUE(1.0);\n" +
    "      var nextFactor = factor;\n" +
    "      if (!isMemory) {\n" +
    "        factor = decayed(u, blockOf(first) - blockOf(position));\n" +
    "        nextFactor = factor * decayOf(u);\n" +
    "      }\n" +
    "#endif\n" +
    "      for (var r = 0u; r < ROWS; r++) {\n" +
    "        var value = q[queryOffset(batch, queries[r], heads[r]) + u];\n" +
    "#if HAS_DECAY\n" +
    "        value *= select(factor, nextFactor, blockOf(first + i32(queries[r])) != blockOf(first));\n" +
    "#endif\n" +
    "        scores[r] += product(value, unit);\n" +
    "      }\n" +
    "    }\n" +
    "  }\n" +
    "  for (var r = 0u; r < ROWS; r++) {\n" +
    "    let own = first + i32(queries[r]);\n" +
    "    let score = biased(scores[r] * params.scale, isMemory, batch, heads[r], own, position);\n" +
    "    scores[r] = select(LOWEST, score, lane < keys);\n" +
    "  }\n" +
    "\n" +
    "  // Weights of the keys, and the maximum and total of each query.\n" +
    "  var totals = array<f32, ROWS>();\n" +
    "  for (var r = 0u; r < ROWS; r++) {\n" +
    "    let largest = workgroupMax(scores[r], lane);\n" +
    "    let weight = select(exp(scores[r] - largest), 0.0, scores[r] <= LOWEST);\n" +
    "    weights[r][lane] = weight;\n" +
    "    totals[r] = workgroupSum(weight, lane);\n" +
    "#if !DIRECT\n" +
    "    if (lane == 0 && firstRow + r < rows) {\n" +
    "      let query = (batch * params.queries + queries[r]) * params.heads + heads[r];\n" +
    "      let offset = (query * params.count + split) * (UNITS + 2) + UNITS;\n" +
    "      partials[offset] = VALUE(largest);\n" +
    "      partials[offset + 1] = VALUE(totals[r]);\n" +
    "    }\n" +
    "#endif\n" +
    "  }\n" +
    "\n" +
    "  // Values: an invocation takes one unit of features; if there are fewer units than invocations, these share the keys.\n" +
    "  workgroupBarrier();\n" +
    "  let unitsAtOnce = min(u32(UNITS), WORKGROUP);\n" +
    "  let shares = WORKGROUP / unitsAtOnce;\n" +
    "  let share = lane / unitsAtOnce;\n" +
    "  for (var firstUnit = 0u; firstUnit < UNITS; firstUnit += WORKGROUP) {\n" +
    "    let unit = firstUnit + lane % unitsAtOnce;\n" +
    "    var sums = array<VALUE, ROWS>();\n" +
    "    if (unit < UNITS && share < shares) {\n" +
    "      for (var c = share; c < keys; c += shares) {\n" +
    "        let key = firstKey + c;\n" +
    "        var value = VALUE(0.0);\n" +
    "        if (key < params.memory) {\n" +
    "          value = memoryValues[memoryOffset(kvHead, key) + unit];\n" +
    "        } else {\n" +
    "          value = valueUnit(keyOffset(kept, kvHead, key - params.memory), unit);\n" +
    "        }\n" +
    "        for (var r = 0u; r < ROWS; r++) {\n" +
    "          sums[r] += weights[r][c] * value;\n" +
    "        }\n" +
    "      }\n" +
    "    }\n" +
    "    for (var r = 0u; r < ROWS; r++) {\n" +
    "      tile[lane] = sums[r];\n" +
    "      workgroupBarrier();\n" +
    "      if (share == 0 && unit < UNITS && firstRow + r < rows) {\n" +
    "        var sum = VALUE(0.0);\n" +
    "        for (var s = 0u; s < shares; s++) {\n" +
    "          sum += tile[lane + s * unitsAtOnce];\n" +
    "        }\n" +
    "        let query = (batch * params.queries + queries[r]) * params.heads + heads[r];\n" +
    "#if DIRECT\n" +
    "        out[query * UNITS + unit] = sum * select(1.0 / totals[r], 0.0, totals[r] == 0.0);\n" +
    "#else\n" +
    "        partials[(query * params.count + split) * (UNITS + 2) + unit] = sum;\n" +
    "#endif\n" +
    "      }\n" +
    "      workgroupBarrier();\n" +
    "    }\n" +
    "  }\n" +
    "}",
  attention_inputs: "// Inputs of the attention kernels. A unit is the part of a head's features that one load fetches: four if the width of\n" +
    "// a head allows it (VALUE is vec4<f32>), else one; a head has UNITS of them.\n" +
    "#include cache_row\n" +
    "\n" +
    "struct Params {\n" +
    "  // Queries of a batch row; keys of one, or slots of a cache; learned keys in front of them.\n" +
    "  queries: u32,\n" +
    "  columns: u32,\n" +
    "  memory: u32,\n" +
    "  heads: u32,\n" +
    "  kvHeads: u32,\n" +
    "  maskColumns: u32,\n" +
    "  scale: f32,\n" +
    "  // How many splits of the keys (attention_decode), rows (attention_scores) or batch rows (attention_values) there are.\n" +
    "  count: u32,\n" +
    "  units: u32,\n" +
    "  causal: u32,\n" +
    "  // Numbers that `positions` has of a sequence: 1, the position of its first query; 2, with it the row of the cache\n" +
    "  // that the sequence has. 0: queries are the last of the keys.\n" +
    "  positionNumbers: u32,\n" +
    "  cacheRows: u32,\n" +
    "  // The learned keys and the columns that `attention` and `attention_values` take, first ≤ i < end, and whether they\n" +
    "  // continue an earlier dispatch.\n" +
    "  firstMemory: u32,\n" +
    "  endMemory: u32,\n" +
    "  firstColumn: u32,\n" +
    "  endColumn: u32,\n" +
    "  resumes: u32,\n" +
    "}\n" +
    "\n" +
    "@group(0) @binding(0) var<uniform> params: Params;\n" +
    "// If there are no positions, mask or learned keys, another buffer is bound in their place, so that fewer kernels need\n" +
    "// compiling.\n" +
    "@group(0) @binding(4) var<storage, read> positions: array<i32>;\n" +
    "@group(0) @binding(5) var<storage, read> mask: array<i32>;\n" +
    "// Small tables are uniforms: a stage may have no more than eight storage buffers.\n" +
    "#if HAS_SLOPES\n" +
    "@group(0) @binding(8) var<uniform> slopes: array<vec4<f32>, SLOPE_QUADS>;\n" +
    "#endif\n" +
    "#if HAS_DECAY\n" +
    "@group(0) @binding(9) var<uniform> decay: array<vec4<f32>, DECAY_QUADS>;\n" +
    "#endif\n" +
    "\n" +
    "// A unit of keys or values from its stored form: pairs of halves in an f16 cache, whose heads are whole vectors; in\n" +
    "// q8_0 a word of quants, and one of the words behind them with the scales of its block of eight units and of another.\n" +
    "#if FORMAT == q8_0\n" +
    "#include blocks\n" +
    "fn unitOf(quants: u32, scales: u32, unit: u32) -> VALUE {\n" +
    "  return blockScale(scales, unit / 8) * signedBytes(quants);\n" +
    "}\n" +
    "\n" +
    "fn rowSize() -> u32 {\n" +
    "  return UNITS + (UNITS + 15) / 16;\n" +
    "}\n" +
    "#else\n" +
    "#if FORMAT == f16\n" +
    "fn unitOf(stored: vec2<u32>) -> VALUE {\n" +
    "  return VALUE(unpack2x16float(stored.x), unpack2x16float(stored.y));\n" +
    "}\n" +
    "#else\n" +
    "fn unitOf(stored: VALUE) -> VALUE {\n" +
    "  return stored;\n" +
    "}\n" +
    "#endif\n" +
    "\n" +
    "fn rowSize() -> u32 {\n" +
    "  return UNITS;\n" +
    "}\n" +
    "#endif\n" +
    "\n" +
    "fn product(a: VALUE, b: VALUE) -> f32 {\n" +
    "#if VECTORS\n" +
    "  return dot(a, b);\n" +
    "#else\n" +
    "  return a * b;\n" +
    "#endif\n" +
    "}\n" +
    "\n" +
    "// No branch here depends on parameters alone: if that leaves out half of a kernel, lavapipe compiles it anew for the\n" +
    "// parameters of every dispatch and never frees the result, 60 ms and 1.8 MB each time in `attention_decode`.\n" +
    "\n" +
    "// The position of a sequence's first query.\n" +
    "fn firstPosition(batch: u32) -> i32 {\n" +
    "  let given = positions[batch * params.positionNumbers];\n" +
    "  return select(i32(params.columns) - i32(params.queries), given, params.positionNumbers != 0);\n" +
    "}\n" +
    "\n" +
    "// The row of the keys and values that a sequence has.\n" +
    "fn keyRow(batch: u32) -> u32 {\n" +
    "#if CACHE\n" +
    "  return cacheRow(batch);\n" +
    "#else\n" +
    "  return batch;\n" +
    "#endif\n" +
    "}\n" +
    "\n" +
    "// The position of the key in a column; negative for a slot that holds none yet. `last` is the last query's position.\n" +
    "fn keyPosition(column: u32, last: i32) -> i32 {\n" +
    "#if CACHE\n" +
    "  let capacity = i32(params.columns);\n" +
    "  let behind = last - i32(column);\n" +
    "  // Vulkan leaves the remainder of a negative number undefined; on an NVIDIA H200 it is not JavaScript's.\n" +
    "  return select(last - max(behind, 0) % capacity, -1, behind < 0);\n" +
    "#else\n" +
    "  return i32(column);\n" +
    "#endif\n" +
    "}\n" +
    "\n" +
    "// Columns from the first on that can hold a key which some query up to `last` sees.\n" +
    "fn visibleColumns(last: i32) -> u32 {\n" +
    "  return select(params.columns, min(params.columns, u32(max(last + 1, 0))), CACHE | (params.causal != 0));\n" +
    "}\n" +
    "\n" +
    "fn isVisible(batch: u32, query: i32, key: i32) -> bool {\n" +
    "  let newest = select(0x7fffffff, query, params.causal != 0);\n" +
    "  if (key < 0 || key > newest) {\n" +
    "    return false;\n" +
    "  }\n" +
    "  return u32(key) >= params.maskColumns || mask[batch * params.maskColumns + u32(key)] != 0;\n" +
    "}\n" +
    "\n" +
    "// What happens to a score between the product and the softmax: ALiBi (arXiv 2108.12409) subtracts a penalty for the\n" +
    "// distance between query and key, and hidden keys get LOWEST. Learned keys have no position.\n" +
    "fn biased(score: f32, isLearned: bool, batch: u32, head: u32, query: i32, key: i32) -> f32 {\n" +
    "  if (isLearned) {\n" +
    "    return score;\n" +
    "  }\n" +
    "  if (!isVisible(batch, query, key)) {\n" +
    "    return LOWEST;\n" +
    "  }\n" +
    "#if HAS_SLOPES\n" +
    "  return score - slopes[head / 4][head % 4] * f32(abs(query - key));\n" +
    "#else\n" +
    "  return score;\n" +
    "#endif\n" +
    "}\n" +
    "\n" +
    "// Blocks of positions whose xPos scales are relative to the same center.\n" +
    "fn blockOf(position: i32) -> i32 {\n" +
    "  return position >> XPOS_SHIFT;\n" +
    "}\n" +
    "\n" +
    "#if HAS_DECAY\n" +
    "fn decayOf(unit: u32) -> VALUE {\n" +
    "#if VECTORS\n" +
    "  return decay[unit];\n" +
    "#else\n" +
    "  return decay[unit / 4][unit % 4];\n" +
    "#endif\n" +
    "}\n" +
    "\n" +
    "// decay^blocks of one unit of features.\n" +
    "fn decayed(unit: u32, blocks: i32) -> VALUE {\n" +
    "  var base = decayOf(unit);\n" +
    "  if (blocks < 0) {\n" +
    "    base = VALUE(1.0) / base;\n" +
    "  }\n" +
    "  var power = VALUE(1.0);\n" +
    "  for (var rest = u32(abs(blocks)); rest > 0; rest >>= 1) {\n" +
    "    if ((rest & 1) == 1) {\n" +
    "      power *= base;\n" +
    "    }\n" +
    "    base *= base;\n" +
    "  }\n" +
    "  return power;\n" +
    "}\n" +
    "#endif\n" +
    "\n" +
    "// Where a key or value begins.\n" +
    "fn keyOffset(row: u32, kvHead: u32, column: u32) -> u32 {\n" +
    "#if CACHE\n" +
    "  return ((row * params.kvHeads + kvHead) * params.columns + column) * rowSize();\n" +
    "#else\n" +
    "  return ((row * params.columns + column) * params.kvHeads + kvHead) * rowSize();\n" +
    "#endif\n" +
    "}\n" +
    "\n" +
    "fn memoryOffset(kvHead: u32, column: u32) -> u32 {\n" +
    "  return (kvHead * params.memory + column) * UNITS;\n" +
    "}\n" +
    "\n" +
    "fn queryOffset(batch: u32, query: u32, head: u32) -> u32 {\n" +
    "  return ((batch * params.queries + query) * params.heads + head) * UNITS;\n" +
    "}",
  attention_reduce: "// Merges the results of `attention_decode`'s splits: an invocation for each unit of features of each query.\n" +
    "#include indices\n" +
    "#include scalar\n" +
    "\n" +
    "struct Params {\n" +
    "  size: u32,\n" +
    "  splits: u32,\n" +
    "  units: u32,\n" +
    "}\n" +
    "\n" +
    "@group(0) @binding(0) var<uniform> params: Params;\n" +
    "@group(0) @binding(1) var<storage, read> partials: array<VALUE>;\n" +
    "@group(0) @binding(2) var<storage, read_write> out: array<VALUE>;\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(num_workgroups) groups: vec3<u32>,\n" +
    ") {\n" +
    "  let i = workgroupNumber(group, groups) * WORKGROUP + lane;\n" +
    "  if (i >= params.size) {\n" +
    "    return;\n" +
    "  }\n" +
    "  let first = (i / UNITS) * params.splits * (UNITS + 2);\n" +
    "  var largest = LOWEST;\n" +
    "  for (var s = 0u; s < params.splits; s++) {\n" +
    "    largest = max(largest, scalar(partials[first + s * (UNITS + 2) + UNITS]));\n" +
    "  }\n" +
    "  var total = 0.0;\n" +
    "  var sum = VALUE(0.0);\n" +
    "  for (var s = 0u; s < params.splits; s++) {\n" +
    "    let offset = first + s * (UNITS + 2);\n" +
    "    let count = scalar(partials[offset + UNITS + 1]);\n" +
    "    // Compared by its bits: if a score is NaN, so is the total, and so must be the result, but devices may compare NaN\n" +
    "    // as they like.\n" +
    "    if (bitcast<u32>(count) != 0u) {\n" +
    "      let weight = exp(scalar(partials[offset + UNITS]) - largest);\n" +
    "      total += weight * count;\n" +
    "      sum += weight * partials[offset + i % UNITS];\n" +
    "    }\n" +
    "  }\n" +
    "  out[i] = sum * select(1.0 / total, 0.0, total == 0.0);\n" +
    "}",
  attention_scores: "// Scores before the softmax, [b, H, n, memory + columns]: an invocation for each.\n" +
    "#include attention_inputs\n" +
    "#include keys\n" +
    "\n" +
    "@group(0) @binding(1) var<storage, read> q: array<VALUE>;\n" +
    "@group(0) @binding(6) var<storage, read> memoryKeys: array<VALUE>;\n" +
    "@group(0) @binding(10) var<storage, read_write> out: array<f32>;\n" +
    "\n" +
    "fn score(batch: u32, head: u32, i: u32, index: u32) -> f32 {\n" +
    "  let kvHead = head % params.kvHeads;\n" +
    "  let base = queryOffset(batch, i, head);\n" +
    "  var sum = 0.0;\n" +
    "  if (index < params.memory) {\n" +
    "    let key = memoryOffset(kvHead, index);\n" +
    "    for (var u = 0u; u < UNITS; u++) {\n" +
    "      sum += product(q[base + u], memoryKeys[key + u]);\n" +
    "    }\n" +
    "    return biased(sum * params.scale, true, batch, head, 0, 0);\n" +
    "  }\n" +
    "  let first = firstPosition(batch);\n" +
    "  let own = first + i32(i);\n" +
    "  let column = index - params.memory;\n" +
    "  let position = keyPosition(column, first + i32(params.queries) - 1);\n" +
    "  let key = keyOffset(keyRow(batch), kvHead, column);\n" +
    "  for (var u = 0u; u < UNITS; u++) {\n" +
    "#if HAS_DECAY\n" +
    "    sum += product(q[base + u] * decayed(u, blockOf(own) - blockOf(position)), keyUnit(key, u));\n" +
    "#else\n" +
    "    sum += product(q[base + u], keyUnit(key, u));\n" +
    "#endif\n" +
    "  }\n" +
    "  return biased(sum * params.scale, false, batch, head, own, position);\n" +
    "}\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    ") {\n" +
    "  let index = group.x * WORKGROUP + lane;\n" +
    "  let width = params.memory + params.columns;\n" +
    "  // Queries of all heads and batch rows go along y, folded into z.\n" +
    "  let row = group.z * ROWS_IN_Y + group.y;\n" +
    "  let i = row % params.queries;\n" +
    "  let head = (row / params.queries) % params.heads;\n" +
    "  let batch = row / (params.queries * params.heads);\n" +
    "  if (index < width && row < params.count) {\n" +
    "    out[row * width + index] = score(batch, head, i, index);\n" +
    "  }\n" +
    "}",
  attention_values: "// Values weighted by probabilities [b, H, n, memory + columns]: an invocation for each unit of the result.\n" +
    "#include attention_inputs\n" +
    "#include values\n" +
    "#include indices\n" +
    "\n" +
    "@group(0) @binding(1) var<storage, read> probabilities: array<f32>;\n" +
    "@group(0) @binding(7) var<storage, read> memoryValues: array<VALUE>;\n" +
    "@group(0) @binding(10) var<storage, read_write> out: array<VALUE>;\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(num_workgroups) groups: vec3<u32>,\n" +
    ") {\n" +
    "  let index = workgroupNumber(group, groups) * WORKGROUP + lane;\n" +
    "  let unit = index % UNITS;\n" +
    "  let head = (index / UNITS) % params.heads;\n" +
    "  let i = (index / (UNITS * params.heads)) % params.queries;\n" +
    "  let batch = index / (UNITS * params.heads * params.queries);\n" +
    "  if (batch >= params.count) {\n" +
    "    return;\n" +
    "  }\n" +
    "  let kvHead = head % params.kvHeads;\n" +
    "  let kept = keyRow(batch);\n" +
    "  let first = ((batch * params.heads + head) * params.queries + i) * (params.memory + params.columns);\n" +
    "  var sum = VALUE(0.0);\n" +
    "  if (params.resumes != 0) {\n" +
    "    sum = out[index];\n" +
    "  }\n" +
    "  for (var column = params.firstMemory; column < params.endMemory; column++) {\n" +
    "    sum += probabilities[first + column] * memoryValues[memoryOffset(kvHead, column) + unit];\n" +
    "  }\n" +
    "  for (var column = params.firstColumn; column < params.endColumn; column++) {\n" +
    "    sum += probabilities[first + params.memory + column] * valueUnit(keyOffset(kept, kvHead, column), unit);\n" +
    "  }\n" +
    "  out[index] = sum;\n" +
    "}",
  blocks: "// Words of blocks of 32 values with an f16 scale; where they lie is told in memory/weights.ts.\n" +
    "\n" +
    "// The scale of a block, given the word that holds it and its neighbor's.\n" +
    "fn blockScale(word: u32, block: u32) -> f32 {\n" +
    "  return unpack2x16float(word >> (16 * (block & 1))).x;\n" +
    "}\n" +
    "\n" +
    "// Four signed bytes of q8_0.\n" +
    "fn signedBytes(word: u32) -> vec4<f32> {\n" +
    "  return vec4<f32>((vec4<i32>(bitcast<i32>(word)) << vec4<u32>(24, 16, 8, 0)) >> vec4<u32>(24));\n" +
    "}",
  cache_row: "// The row of a cache that a sequence has: its own, or the second of its two numbers in `positions`, kept within the\n" +
    "// cache.\n" +
    "fn cacheRow(batch: u32) -> u32 {\n" +
    "  let given = positions[batch * params.positionNumbers + params.positionNumbers / 2];\n" +
    "  return select(batch, u32(clamp(given, 0, i32(params.cacheRows) - 1)), params.positionNumbers == 2);\n" +
    "}",
  copy_cache: "// Copies the first slots of all heads from one row of a cache to another, in words of whatever its format is.\n" +
    "#include indices\n" +
    "\n" +
    "struct Params {\n" +
    "  size: u32,\n" +
    "  // Words to copy of a head, and of a head in all.\n" +
    "  run: u32,\n" +
    "  stride: u32,\n" +
    "  // Where the two rows begin.\n" +
    "  fromOffset: u32,\n" +
    "  toOffset: u32,\n" +
    "}\n" +
    "\n" +
    "@group(0) @binding(0) var<uniform> params: Params;\n" +
    "@group(0) @binding(1) var<storage, read_write> cache: array<VALUE>;\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(num_workgroups) groups: vec3<u32>,\n" +
    ") {\n" +
    "  let i = workgroupNumber(group, groups) * WORKGROUP + lane;\n" +
    "  if (i >= params.size) {\n" +
    "    return;\n" +
    "  }\n" +
    "  let place = (i / params.run) * params.stride + i % params.run;\n" +
    "  cache[params.toOffset + place] = cache[params.fromOffset + place];\n" +
    "}",
  copy_rows: "// Copies runs of rows, for concatenation and slicing. Works on bits, so that it serves every dtype.\n" +
    "#include indices\n" +
    "\n" +
    "struct Params {\n" +
    "  size: u32,\n" +
    "  // Values of one run, and of one batch row of the source (0: it repeats) and of the result.\n" +
    "  run: u32,\n" +
    "  fromStride: u32,\n" +
    "  toStride: u32,\n" +
    "  fromOffset: u32,\n" +
    "  toOffset: u32,\n" +
    "}\n" +
    "\n" +
    "@group(0) @binding(0) var<uniform> params: Params;\n" +
    "@group(0) @binding(1) var<storage, read> x: array<VALUE>;\n" +
    "@group(0) @binding(2) var<storage, read_write> out: array<VALUE>;\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(num_workgroups) groups: vec3<u32>,\n" +
    ") {\n" +
    "  let i = workgroupNumber(group, groups) * WORKGROUP + lane;\n" +
    "  if (i >= params.size) {\n" +
    "    return;\n" +
    "  }\n" +
    "  let batch = i / params.run;\n" +
    "  let rest = i % params.run;\n" +
    "  out[batch * params.toStride + params.toOffset + rest] = x[batch * params.fromStride + params.fromOffset + rest];\n" +
    "}",
  count_rounds: "// Counts the rounds of a loop that an invocation is granted; some drivers end loops early, and say nothing.\n" +
    "@group(0) @binding(0) var<storage, read_write> rounds: array<u32, 4>;\n" +
    "\n" +
    "@compute @workgroup_size(1)\n" +
    "fn main() {\n" +
    "  let asked = rounds[0];\n" +
    "  var made = 0u;\n" +
    "  // Prevents compilers from computing the count without running the loop.\n" +
    "  var mixed = rounds[2];\n" +
    "  for (var i = 0u; i < asked; i++) {\n" +
    "    mixed = mixed * 1664525u + 1013904223u;\n" +
    "    made++;\n" +
    "  }\n" +
    "  rounds[1] = made;\n" +
    "  rounds[2] = mixed;\n" +
    "}",
  cross_entropy: "// -log softmax(logits)[target] of each row, 0 where the target is ignored or no token; a workgroup for each.\n" +
    "#include indices\n" +
    "#include logarithm\n" +
    "#include reduce\n" +
    "\n" +
    "struct Params {\n" +
    "  rows: u32,\n" +
    "  width: u32,\n" +
    "  ignoreIndex: i32,\n" +
    "}\n" +
    "\n" +
    "@group(0) @binding(0) var<uniform> params: Params;\n" +
    "@group(0) @binding(1) var<storage, read> logits: array<f32>;\n" +
    "@group(0) @binding(2) var<storage, read> targets: array<i32>;\n" +
    "@group(0) @binding(3) var<storage, read_write> losses: array<f32>;\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(num_workgroups) groups: vec3<u32>,\n" +
    ") {\n" +
    "  let row = workgroupNumber(group, groups);\n" +
    "  if (row >= params.rows) {\n" +
    "    return;\n" +
    "  }\n" +
    "  let label = targets[row];\n" +
    "  if (label == params.ignoreIndex || u32(label) >= params.width) {\n" +
    "    if (lane == 0) {\n" +
    "      losses[row] = 0.0;\n" +
    "    }\n" +
    "    return;\n" +
    "  }\n" +
    "  let base = row * params.width;\n" +
    "  var largest = LOWEST;\n" +
    "  for (var i = lane; i < params.width; i += WORKGROUP) {\n" +
    "    largest = max(largest, logits[base + i]);\n" +
    "  }\n" +
    "  largest = workgroupMax(largest, lane);\n" +
    "  var sum = 0.0;\n" +
    "  for (var i = lane; i < params.width; i += WORKGROUP) {\n" +
    "    sum += select(exp(logits[base + i] - largest), 0.0, logits[base + i] <= LOWEST);\n" +
    "  }\n" +
    "  sum = workgroupSum(sum, lane);\n" +
    "  if (lane == 0) {\n" +
    "    let logit = logits[base + u32(label)];\n" +
    "    losses[row] = select(logarithm(sum) - (logit - largest), -LOWEST, logit <= LOWEST);\n" +
    "  }\n" +
    "}",
  eight_columns: "// Eight columns of a product of one row, each summed along its features by itself. Columns are written out because\n" +
    "// SwiftShader keeps arrays that a loop indexes in memory: 2560 × 2560 take 19 ms this way, 50 with sums in an array.\n" +
    "#include linear_result\n" +
    "\n" +
    "fn multiply(column: u32) {\n" +
    "  let last = vec4<u32>(params.columns - 1);\n" +
    "  let a = min(column + vec4<u32>(0, 1, 2, 3), last) * params.stride;\n" +
    "  let b = min(column + vec4<u32>(4, 5, 6, 7), last) * params.stride;\n" +
    "  var sums = array<vec4<f32>, 8>();\n" +
    "  for (var quad = params.first; quad < params.end; quad++) {\n" +
    "    let value = xQuad(0, quad);\n" +
    "    sums[0] += value * weightQuad(a.x, quad);\n" +
    "    sums[1] += value * weightQuad(a.y, quad);\n" +
    "    sums[2] += value * weightQuad(a.z, quad);\n" +
    "    sums[3] += value * weightQuad(a.w, quad);\n" +
    "    sums[4] += value * weightQuad(b.x, quad);\n" +
    "    sums[5] += value * weightQuad(b.y, quad);\n" +
    "    sums[6] += value * weightQuad(b.z, quad);\n" +
    "    sums[7] += value * weightQuad(b.w, quad);\n" +
    "  }\n" +
    "  for (var c = 0u; c < 8; c++) {\n" +
    "    store(0, column + c, dot(sums[c], vec4<f32>(1.0)));\n" +
    "  }\n" +
    "}",
  embedding: "// Rows of a weight by token id. A weight in several parts takes a dispatch for each, which writes the rows that it\n" +
    "// holds; the first also writes zeros for ids that no part has.\n" +
    "#include indices\n" +
    "#include weight\n" +
    "\n" +
    "struct Params {\n" +
    "  // Quads of all rows, and of one row; elements of a row of the weight.\n" +
    "  size: u32,\n" +
    "  quads: u32,\n" +
    "  stride: u32,\n" +
    "  width: u32,\n" +
    "  // Rows that this part of the weight begins with and holds, and those of all parts.\n" +
    "  firstRow: u32,\n" +
    "  rows: u32,\n" +
    "  numTokens: u32,\n" +
    "}\n" +
    "\n" +
    "@group(0) @binding(0) var<uniform> params: Params;\n" +
    "@group(0) @binding(1) var<storage, read> tokens: array<i32>;\n" +
    "@group(0) @binding(3) var<storage, read_write> out: array<f32>;\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(num_workgroups) groups: vec3<u32>,\n" +
    ") {\n" +
    "  let i = workgroupNumber(group, groups) * WORKGROUP + lane;\n" +
    "  if (i >= params.size) {\n" +
    "    return;\n" +
    "  }\n" +
    "  let quad = i % params.quads;\n" +
    "  let id = u32(tokens[i / params.quads]);\n" +
    "  let row = id - params.firstRow;\n" +
    "  var value = vec4<f32>();\n" +
    "  if (row < params.rows) {\n" +
    "    value = weightQuad(row * params.stride, quad);\n" +
    "  } else if (id < params.numTokens || params.firstRow > 0) {\n" +
    "    return;\n" +
    "  }\n" +
    "  let first = (i / params.quads) * params.width + quad * 4;\n" +
    "  for (var e = 0u; e < 4 && quad * 4 + e < params.width; e++) {\n" +
    "    out[first + e] = value[e];\n" +
    "  }\n" +
    "}",
  exact_division: "// Quotients rounded to the nearest f32, as in IEEE 754, by arithmetic on whole numbers, because WGSL's own division may\n" +
    "// be off by 2.5 units in the last place, so that devices would not quantize alike. Both functions take values ≥ 0, and\n" +
    "// give 0 for 0 and denormals.\n" +
    "\n" +
    "fn mantissaOf(bits: u32) -> u32 {\n" +
    "  return (bits & 0x7fffff) | 0x800000;\n" +
    "}\n" +
    "\n" +
    "// A number from its exponent, with the bias of f32, and a mantissa of 24 bits, or 2^24.\n" +
    "fn composed(exponent: u32, mantissa: u32) -> f32 {\n" +
    "  return bitcast<f32>((exponent << 23) + mantissa - 0x800000);\n" +
    "}\n" +
    "\n" +
    "// value / 127\n" +
    "fn over127(value: f32) -> f32 {\n" +
    "  let bits = bitcast<u32>(value);\n" +
    "  let mantissa = mantissaOf(bits);\n" +
    "  // Bits by which the mantissa is shifted, so that its quotient has 24.\n" +
    "  let shift = select(7u, 6u, mantissa > (127 << 17));\n" +
    "  let exponent = bits >> 23;\n" +
    "  if (exponent <= shift) {\n" +
    "    return 0.0;\n" +
    "  }\n" +
    "  return composed(exponent - shift, ((mantissa << shift) + 63) / 127);\n" +
    "}\n" +
    "\n" +
    "// 1 / value\n" +
    "fn reciprocal(value: f32) -> f32 {\n" +
    "  let bits = bitcast<u32>(value);\n" +
    "  let exponent = bits >> 23;\n" +
    "  if (exponent == 0) {\n" +
    "    return 0.0;\n" +
    "  }\n" +
    "  let mantissa = mantissaOf(bits);\n" +
    "  let guess = u32(0x1p47 / f32(mantissa));\n" +
    "  // 2^47 - estimate · mantissa: a small multiple of the mantissa, so its low 32 bits hold it; then rounded to whole\n" +
    "  // multiples.\n" +
    "  let rest = bitcast<i32>(0 - guess * mantissa);\n" +
    "  let times = (rest + bitcast<i32>(8 * mantissa + mantissa / 2)) / bitcast<i32>(mantissa) - 8;\n" +
    "  return composed(253 - exponent, guess + bitcast<u32>(times));\n" +
    "}",
  exponent: "// e^x, as on the CPU: relative error below 2e-7. For sums that decisions depend on; elsewhere the built-in exp is\n" +
    "// accurate enough.\n" +
    "fn exponent(x: f32) -> f32 {\n" +
    "  let bounded = clamp(x, -105.0, 89.0);\n" +
    "  // x = n·ln 2 + r, |r| <= ln 2 / 2; ln 2 in two parts, the first with so few bits that n times it is exact.\n" +
    "  let n = round(bounded * 1.4426950408889634);\n" +
    "  let r = (bounded - n * 0.693359375) - n * -2.12194440054690583e-4;\n" +
    "  // e^r = 1 + r + r²·P(r)\n" +
    "  var p = 0.0013814596459269524 * r + 0.0083687175065279;\n" +
    "  p = p * r + 0.04166838899254799;\n" +
    "  p = p * r + 0.1666652113199234;\n" +
    "  p = p * r + 0.4999999403953552;\n" +
    "  p = p * r * r + r + 1.0;\n" +
    "  // 2^n as two factors, for n = 128 and for small results.\n" +
    "  let power = i32(n);\n" +
    "  let first = power >> 1;\n" +
    "  return p * bitcast<f32>((first + 127) << 23) * bitcast<f32>((power - first + 127) << 23);\n" +
    "}",
  f16: "// A weight in f16, on devices that have such numbers (F16) and on those that don't.\n" +
    "#if F16\n" +
    "@group(0) @binding(2) var<storage, read> weight: array<vec4<f16>>;\n" +
    "\n" +
    "fn weightQuad(row: u32, quad: u32) -> vec4<f32> {\n" +
    "  return vec4<f32>(weight[row + quad]);\n" +
    "}\n" +
    "#else\n" +
    "@group(0) @binding(2) var<storage, read> weight: array<vec2<u32>>;\n" +
    "\n" +
    "fn weightQuad(row: u32, quad: u32) -> vec4<f32> {\n" +
    "  return vec4<f32>(unpack2x16float(weight[row + quad].x), unpack2x16float(weight[row + quad].y));\n" +
    "}\n" +
    "#endif\n" +
    "#include single_quads",
  f32: "// A weight in f32.\n" +
    "@group(0) @binding(2) var<storage, read> weight: array<vec4<f32>>;\n" +
    "\n" +
    "fn weightQuad(row: u32, quad: u32) -> vec4<f32> {\n" +
    "  return weight[row + quad];\n" +
    "}\n" +
    "#include single_quads",
  filter_logits: "// Narrows each row's distribution without sorting it; a workgroup for each row. Logits map to whole numbers in the same\n" +
    "// order. The number at which the wanted count (top-k) or mass (top-p) is reached is found bit by bit; among equals at\n" +
    "// it the lower ids are kept. A row that holds a NaN is not filtered.\n" +
    "#include exponent\n" +
    "#include indices\n" +
    "#include not_a_number\n" +
    "#include reduce\n" +
    "\n" +
    "struct Params {\n" +
    "  rows: u32,\n" +
    "  width: u32,\n" +
    "  topK: u32,\n" +
    "  // Share of the mass: that of the nucleus, or with TAIL that of the rest.\n" +
    "  smallerMass: f32,\n" +
    "  minP: f32,\n" +
    "  topAPower: f32,\n" +
    "  topARatio: f32,\n" +
    "}\n" +
    "\n" +
    "@group(0) @binding(0) var<uniform> params: Params;\n" +
    "@group(0) @binding(1) var<storage, read> logits: array<f32>;\n" +
    "@group(0) @binding(2) var<storage, read_write> out: array<f32>;\n" +
    "\n" +
    "// What is kept: keys above the edge, and those at the edge up to the last id.\n" +
    "var<private> edge: u32 = 0u;\n" +
    "var<private> lastId: u32 = 0xffffffffu;\n" +
    "// The row at hand: its first logit and its largest.\n" +
    "var<private> base: u32;\n" +
    "var<private> largest: f32;\n" +
    "\n" +
    "var<workgroup> counts: array<u32, WORKGROUP>;\n" +
    "var<workgroup> foundId: u32;\n" +
    "\n" +
    "// A whole number for each logit, in the same order.\n" +
    "fn keyOf(logit: f32) -> u32 {\n" +
    "  let bits = bitcast<u32>(select(logit, 0.0, logit == 0.0));\n" +
    "  return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0);\n" +
    "}\n" +
    "\n" +
    "fn isKept(i: u32) -> bool {\n" +
    "  let key = keyOf(logits[base + i]);\n" +
    "  return key > edge || (key == edge && i <= lastId);\n" +
    "}\n" +
    "\n" +
    "// The logit of a key.\n" +
    "fn logitOf(key: u32) -> f32 {\n" +
    "  return bitcast<f32>(select(~key, key ^ 0x80000000u, (key & 0x80000000u) != 0));\n" +
    "}\n" +
    "\n" +
    "// The probability of a logit relative to the largest, which may be infinite.\n" +
    "fn relativeOf(logit: f32) -> f32 {\n" +
    "  return select(select(exponent(logit - largest), 1.0, logit == largest), 0.0, logit <= LOWEST);\n" +
    "}\n" +
    "\n" +
    "fn relative(i: u32) -> f32 {\n" +
    "  return relativeOf(logits[base + i]);\n" +
    "}\n" +
    "\n" +
    "// Number of kept tokens from a key on.\n" +
    "fn countFrom(key: u32, lane: u32) -> f32 {\n" +
    "  var count = 0.0;\n" +
    "  for (var i = lane; i < params.width; i += WORKGROUP) {\n" +
    "    count += select(0.0, 1.0, keyOf(logits[base + i]) >= key && isKept(i));\n" +
    "  }\n" +
    "  return workgroupSum(count, lane);\n" +
    "}\n" +
    "\n" +
    "// Mass of the kept tokens from a key on, or below it, in units of the largest.\n" +
    "fn massBeside(key: u32, isBelow: bool, lane: u32) -> f32 {\n" +
    "  var mass = 0.0;\n" +
    "  // The rounding error of the sum (Kahan), because sums over 50,000 tokens must tell masses of 1e-6 apart.\n" +
    "  var lost = 0.0;\n" +
    "  for (var i = lane; i < params.width; i += WORKGROUP) {\n" +
    "    if ((keyOf(logits[base + i]) < key) == isBelow && isKept(i)) {\n" +
    "      let term = relative(i) - lost;\n" +
    "      let next = mass + term;\n" +
    "      lost = (next - mass) - term;\n" +
    "      mass = next;\n" +
    "    }\n" +
    "  }\n" +
    "  return workgroupSum(mass, lane);\n" +
    "}\n" +
    "\n" +
    "// The id of the `number`-th kept token at a key, counted from 1; each invocation counts a run of neighboring ids.\n" +
    "fn idAt(key: u32, number: u32, lane: u32) -> u32 {\n" +
    "  let run = (params.width + WORKGROUP - 1) / WORKGROUP;\n" +
    "  let first = lane * run;\n" +
    "  let end = min(first + run, params.width);\n" +
    "  var own = 0u;\n" +
    "  for (var i = first; i < end; i++) {\n" +
    "    own += select(0u, 1u, keyOf(logits[base + i]) == key && isKept(i));\n" +
    "  }\n" +
    "  counts[lane] = own;\n" +
    "  if (lane == 0) {\n" +
    "    foundId = 0xffffffffu;\n" +
    "  }\n" +
    "  workgroupBarrier();\n" +
    "  var before = 0u;\n" +
    "  for (var l = 0u; l < lane; l++) {\n" +
    "    before += counts[l];\n" +
    "  }\n" +
    "  if (before < number && number <= before + own) {\n" +
    "    var i = first;\n" +
    "    while (true) {\n" +
    "      before += select(0u, 1u, keyOf(logits[base + i]) == key && isKept(i));\n" +
    "      if (before == number) {\n" +
    "        break;\n" +
    "      }\n" +
    "      i++;\n" +
    "    }\n" +
    "    foundId = i;\n" +
    "  }\n" +
    "  workgroupBarrier();\n" +
    "  let found = foundId;\n" +
    "  workgroupBarrier();\n" +
    "  return found;\n" +
    "}\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(num_workgroups) groups: vec3<u32>,\n" +
    ") {\n" +
    "  let row = workgroupNumber(group, groups);\n" +
    "  if (row >= params.rows) {\n" +
    "    return;\n" +
    "  }\n" +
    "  base = row * params.width;\n" +
    "  var own = LOWEST;\n" +
    "  var broken = 0.0;\n" +
    "  for (var i = lane; i < params.width; i += WORKGROUP) {\n" +
    "    own = max(own, logits[base + i]);\n" +
    "    broken = select(broken, 1.0, isNotANumber(logits[base + i]));\n" +
    "  }\n" +
    "  largest = workgroupMax(own, lane);\n" +
    "  broken = workgroupMax(broken, lane);\n" +
    "\n" +
    "#if HAS_TOP_K\n" +
    "  var kEdge = 0u;\n" +
    "  for (var bit = 0x80000000u; bit > 0; bit >>= 1) {\n" +
    "    if (countFrom(kEdge | bit, lane) >= f32(params.topK)) {\n" +
    "      kEdge |= bit;\n" +
    "    }\n" +
    "  }\n" +
    "  let above = u32(countFrom(kEdge + 1, lane));\n" +
    "  lastId = idAt(kEdge, params.topK - above, lane);\n" +
    "  edge = kEdge;\n" +
    "#endif\n" +
    "\n" +
    "#if HAS_TOP_P\n" +
    "  // Sums the smaller of the two sides, kept or removed, because its rounding errors are smaller.\n" +
    "  let goal = params.smallerMass * massBeside(0u, false, lane);\n" +
    "  var pEdge = 0u;\n" +
    "  for (var bit = 0x80000000u; bit > 0; bit >>= 1) {\n" +
    "    let mass = massBeside(pEdge | bit, TAIL, lane);\n" +
    "    if (select(mass >= goal, mass <= goal, TAIL)) {\n" +
    "      pEdge |= bit;\n" +
    "    }\n" +
    "  }\n" +
    "  let equals = countFrom(pEdge, lane) - countFrom(pEdge + 1, lane);\n" +
    "  let each = relativeOf(logitOf(pEdge));\n" +
    "  var number = equals;\n" +
    "#if TAIL\n" +
    "  number -= floor((goal - massBeside(pEdge, true, lane)) / each);\n" +
    "#else\n" +
    "  number = ceil((goal - massBeside(pEdge + 1, false, lane)) / each);\n" +
    "#endif\n" +
    "  lastId = idAt(pEdge, u32(clamp(number, 1.0, max(equals, 1.0))), lane);\n" +
    "  edge = pEdge;\n" +
    "#endif\n" +
    "\n" +
    "  var least = 0.0;\n" +
    "#if HAS_MIN_P\n" +
    "  least = params.minP;\n" +
    "#endif\n" +
    "#if HAS_TOP_A\n" +
    "  var mass = 0.0;\n" +
    "  for (var i = lane; i < params.width; i += WORKGROUP) {\n" +
    "    if (isKept(i) && relative(i) >= least) {\n" +
    "      mass += relative(i);\n" +
    "    }\n" +
    "  }\n" +
    "  mass = workgroupSum(mass, lane);\n" +
    "  // max(p) is 1 / mass in these units, and the limit is relative to the largest.\n" +
    "  least = max(least, min(pow(1.0 / mass, params.topAPower) * params.topARatio * mass, 1.0));\n" +
    "#endif\n" +
    "  for (var i = lane; i < params.width; i += WORKGROUP) {\n" +
    "    out[base + i] = select(LOWEST, logits[base + i], broken > 0.0 || (isKept(i) && relative(i) >= least));\n" +
    "  }\n" +
    "}",
  gather_rows: "// Rows by their index; an index that is out of range gives zeros.\n" +
    "#include indices\n" +
    "\n" +
    "struct Params {\n" +
    "  size: u32,\n" +
    "  width: u32,\n" +
    "  // Rows of x.\n" +
    "  rows: u32,\n" +
    "}\n" +
    "\n" +
    "@group(0) @binding(0) var<uniform> params: Params;\n" +
    "@group(0) @binding(1) var<storage, read> x: array<VALUE>;\n" +
    "@group(0) @binding(2) var<storage, read> indices: array<i32>;\n" +
    "@group(0) @binding(3) var<storage, read_write> out: array<VALUE>;\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(num_workgroups) groups: vec3<u32>,\n" +
    ") {\n" +
    "  let i = workgroupNumber(group, groups) * WORKGROUP + lane;\n" +
    "  if (i >= params.size) {\n" +
    "    return;\n" +
    "  }\n" +
    "  let row = u32(indices[i / params.width]);\n" +
    "  var value = VALUE(0.0);\n" +
    "  if (row < params.rows) {\n" +
    "    value = x[row * params.width + i % params.width];\n" +
    "  }\n" +
    "  out[i] = value;\n" +
    "}",
  glu: "// Gated linear unit (arXiv 2002.05202): first half of a row · activation(second half).\n" +
    "#include activation\n" +
    "#include indices\n" +
    "\n" +
    "struct Params {\n" +
    "  size: u32,\n" +
    "  // Features of a row of the result.\n" +
    "  width: u32,\n" +
    "}\n" +
    "\n" +
    "@group(0) @binding(0) var<uniform> params: Params;\n" +
    "@group(0) @binding(1) var<storage, read> x: array<VALUE>;\n" +
    "@group(0) @binding(2) var<storage, read_write> out: array<VALUE>;\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(num_workgroups) groups: vec3<u32>,\n" +
    ") {\n" +
    "  let i = workgroupNumber(group, groups) * WORKGROUP + lane;\n" +
    "  if (i >= params.size) {\n" +
    "    return;\n" +
    "  }\n" +
    "  let first = (i / params.width) * 2 * params.width + i % params.width;\n" +
    "  out[i] = x[first] * ACTIVATION(x[first + params.width]);\n" +
    "}",
  half: "// The bits of the nearest f16, ties to even; too large a value becomes infinity. (With pack2x16float both depend on the\n" +
    "// device.)\n" +
    "fn halfBits(value: f32) -> u32 {\n" +
    "  let bits = bitcast<u32>(value);\n" +
    "  let sign = (bits >> 16) & 0x8000;\n" +
    "  let magnitude = bits & 0x7fffffff;\n" +
    "  if (magnitude > 0x7f800000) {\n" +
    "    return sign | 0x7e00;\n" +
    "  }\n" +
    "  if (magnitude >= 0x477ff000) {\n" +
    "    return sign | 0x7c00;\n" +
    "  }\n" +
    "  if (magnitude < 0x38800000) {\n" +
    "    // The sum of 0.5 and a denormal has the denormal's last bit in its last place, so the addition rounds it.\n" +
    "    return sign | (bitcast<u32>(bitcast<f32>(magnitude) + 0.5) - 0x3f000000);\n" +
    "  }\n" +
    "  return sign | ((magnitude + ((magnitude >> 13) & 1) + 0xfff - 0x38000000) >> 13);\n" +
    "}\n" +
    "\n" +
    "fn halfPair(values: vec2<f32>) -> u32 {\n" +
    "  return halfBits(values.x) | (halfBits(values.y) << 16);\n" +
    "}",
  indices: "// Dispatches longer than one dimension allows are folded into rows of workgroups.\n" +
    "fn workgroupNumber(group: vec3<u32>, groups: vec3<u32>) -> u32 {\n" +
    "  return group.y * groups.x + group.x;\n" +
    "}",
  keys: "@group(0) @binding(2) var<storage, read> k: array<STORED>;\n" +
    "\n" +
    "// A unit of the key that begins at an offset.\n" +
    "fn keyUnit(offset: u32, unit: u32) -> VALUE {\n" +
    "#if FORMAT == q8_0\n" +
    "  return unitOf(k[offset + unit], k[offset + UNITS + unit / 16], unit);\n" +
    "#else\n" +
    "  return unitOf(k[offset + unit]);\n" +
    "#endif\n" +
    "}",
  l2_norm: "// x / max(sqrt(‖x‖² + squareEps), eps) · factor · gain; a workgroup for each group of features.\n" +
    "#include indices\n" +
    "#include reduce\n" +
    "\n" +
    "struct Params {\n" +
    "  // Groups of all rows together.\n" +
    "  rows: u32,\n" +
    "  // Features of a group, of a row, and of the gain, which repeats.\n" +
    "  width: u32,\n" +
    "  dim: u32,\n" +
    "  gainSize: u32,\n" +
    "  gainOffset: f32,\n" +
    "  factor: f32,\n" +
    "  eps: f32,\n" +
    "  squareEps: f32,\n" +
    "}\n" +
    "\n" +
    "@group(0) @binding(0) var<uniform> params: Params;\n" +
    "@group(0) @binding(1) var<storage, read> x: array<f32>;\n" +
    "#if HAS_GAIN\n" +
    "@group(0) @binding(2) var<storage, read> gain: array<f32>;\n" +
    "#endif\n" +
    "@group(0) @binding(3) var<storage, read_write> out: array<f32>;\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(num_workgroups) groups: vec3<u32>,\n" +
    ") {\n" +
    "  let row = workgroupNumber(group, groups);\n" +
    "  if (row >= params.rows) {\n" +
    "    return;\n" +
    "  }\n" +
    "  let base = row * params.width;\n" +
    "  var squares = 0.0;\n" +
    "  for (var i = lane; i < params.width; i += WORKGROUP) {\n" +
    "    squares += x[base + i] * x[base + i];\n" +
    "  }\n" +
    "  let inverse = params.factor / max(sqrt(workgroupSum(squares, lane) + params.squareEps), params.eps);\n" +
    "  for (var i = lane; i < params.width; i += WORKGROUP) {\n" +
    "    var value = x[base + i] * inverse;\n" +
    "#if HAS_GAIN\n" +
    "    value *= gain[((base + i) % params.dim) % params.gainSize] + params.gainOffset;\n" +
    "#endif\n" +
    "    out[base + i] = value;\n" +
    "  }\n" +
    "}",
  layer_norm: "// (x - mean) / sqrt(variance + eps) · gain + bias (arXiv 1607.06450); a workgroup for each row.\n" +
    "#include indices\n" +
    "#include reduce\n" +
    "\n" +
    "struct Params {\n" +
    "  rows: u32,\n" +
    "  width: u32,\n" +
    "  gainOffset: f32,\n" +
    "  eps: f32,\n" +
    "}\n" +
    "\n" +
    "@group(0) @binding(0) var<uniform> params: Params;\n" +
    "@group(0) @binding(1) var<storage, read> x: array<f32>;\n" +
    "#if HAS_GAIN\n" +
    "@group(0) @binding(2) var<storage, read> gain: array<f32>;\n" +
    "#endif\n" +
    "#if HAS_BIAS\n" +
    "@group(0) @binding(3) var<storage, read> bias: array<f32>;\n" +
    "#endif\n" +
    "@group(0) @binding(4) var<storage, read_write> out: array<f32>;\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(num_workgroups) groups: vec3<u32>,\n" +
    ") {\n" +
    "  let row = workgroupNumber(group, groups);\n" +
    "  if (row >= params.rows) {\n" +
    "    return;\n" +
    "  }\n" +
    "  let base = row * params.width;\n" +
    "  var sum = 0.0;\n" +
    "  for (var i = lane; i < params.width; i += WORKGROUP) {\n" +
    "    sum += x[base + i];\n" +
    "  }\n" +
    "  let mean = workgroupSum(sum, lane) / f32(params.width);\n" +
    "  var squares = 0.0;\n" +
    "  for (var i = lane; i < params.width; i += WORKGROUP) {\n" +
    "    let difference = x[base + i] - mean;\n" +
    "    squares += difference * difference;\n" +
    "  }\n" +
    "  let variance = workgroupSum(squares, lane) / f32(params.width);\n" +
    "  let inverse = 1.0 / sqrt(variance + params.eps);\n" +
    "  for (var i = lane; i < params.width; i += WORKGROUP) {\n" +
    "    var value = (x[base + i] - mean) * inverse;\n" +
    "#if HAS_GAIN\n" +
    "    value *= gain[i] + params.gainOffset;\n" +
    "#endif\n" +
    "#if HAS_BIAS\n" +
    "    value += bias[i];\n" +
    "#endif\n" +
    "    out[base + i] = value;\n" +
    "  }\n" +
    "}",
  linear_operands: "// What the variants of `linear` are given: x [rows, inSize] and sizes.\n" +
    "#include activation\n" +
    "\n" +
    "struct Params {\n" +
    "  rows: u32,\n" +
    "  // Features of a row of x; quads and elements of a row of the weight.\n" +
    "  inSize: u32,\n" +
    "  quads: u32,\n" +
    "  stride: u32,\n" +
    "  // Rows of the weight at hand, where they begin among all, and features of a row of the result.\n" +
    "  columns: u32,\n" +
    "  firstColumn: u32,\n" +
    "  outSize: u32,\n" +
    "  // Quads of a row to take, or pieces of it in `linear_vector`: first ≤ i < end, and whether none are left afterwards.\n" +
    "  first: u32,\n" +
    "  end: u32,\n" +
    "  isLast: u32,\n" +
    "#if HAS_SUM\n" +
    "  factor: f32,\n" +
    "#endif\n" +
    "}\n" +
    "\n" +
    "@group(0) @binding(0) var<uniform> params: Params;\n" +
    "#if VECTORS\n" +
    "@group(0) @binding(1) var<storage, read> x: array<vec4<f32>>;\n" +
    "\n" +
    "fn xQuad(row: u32, quad: u32) -> vec4<f32> {\n" +
    "  return x[row * params.quads + quad];\n" +
    "}\n" +
    "#else\n" +
    "@group(0) @binding(1) var<storage, read> x: array<f32>;\n" +
    "\n" +
    "fn xQuad(row: u32, quad: u32) -> vec4<f32> {\n" +
    "  let first = row * params.inSize + quad * 4;\n" +
    "  var value = vec4<f32>(x[first], 0.0, 0.0, 0.0);\n" +
    "  let left = params.inSize - quad * 4;\n" +
    "  if (left > 1) {\n" +
    "    value.y = x[first + 1];\n" +
    "  }\n" +
    "  if (left > 2) {\n" +
    "    value.z = x[first + 2];\n" +
    "  }\n" +
    "  if (left > 3) {\n" +
    "    value.w = x[first + 3];\n" +
    "  }\n" +
    "  return value;\n" +
    "}\n" +
    "#endif",
  linear_register: "// x Wᵀ for many rows: each invocation keeps a tile of 4 × 4 sums in registers. No workgroup memory and no barriers:\n" +
    "// fastest on adapters that are a CPU (512³: 7.3 GFLOP/s on llvmpipe against 2.2 through workgroup memory).\n" +
    "#include linear_operands\n" +
    "#include linear_result\n" +
    "\n" +
    "@compute @workgroup_size(COLUMN_LANES, ROW_LANES)\n" +
    "fn main(@builtin(global_invocation_id) id: vec3<u32>) {\n" +
    "  let row = id.y * 4;\n" +
    "  let column = id.x * 4;\n" +
    "  if (row >= params.rows || column >= params.columns) {\n" +
    "    return;\n" +
    "  }\n" +
    "  let lastRow = params.rows - 1;\n" +
    "  let lastColumn = params.columns - 1;\n" +
    "  let rows = min(vec4<u32>(row) + vec4<u32>(0, 1, 2, 3), vec4<u32>(lastRow));\n" +
    "  let columns = min(vec4<u32>(column) + vec4<u32>(0, 1, 2, 3), vec4<u32>(lastColumn)) * params.stride;\n" +
    "  var sums = array<vec4<f32>, 4>();\n" +
    "  for (var quad = params.first; quad < params.end; quad++) {\n" +
    "    let w0 = weightQuad(columns.x, quad);\n" +
    "    let w1 = weightQuad(columns.y, quad);\n" +
    "    let w2 = weightQuad(columns.z, quad);\n" +
    "    let w3 = weightQuad(columns.w, quad);\n" +
    "    let x0 = xQuad(rows.x, quad);\n" +
    "    sums[0] += vec4<f32>(dot(x0, w0), dot(x0, w1), dot(x0, w2), dot(x0, w3));\n" +
    "    let x1 = xQuad(rows.y, quad);\n" +
    "    sums[1] += vec4<f32>(dot(x1, w0), dot(x1, w1), dot(x1, w2), dot(x1, w3));\n" +
    "    let x2 = xQuad(rows.z, quad);\n" +
    "    sums[2] += vec4<f32>(dot(x2, w0), dot(x2, w1), dot(x2, w2), dot(x2, w3));\n" +
    "    let x3 = xQuad(rows.w, quad);\n" +
    "    sums[3] += vec4<f32>(dot(x3, w0), dot(x3, w1), dot(x3, w2), dot(x3, w3));\n" +
    "  }\n" +
    "  for (var r = 0u; r < 4; r++) {\n" +
    "    for (var c = 0u; c < 4; c++) {\n" +
    "      store(row + r, column + c, sums[r][c]);\n" +
    "    }\n" +
    "  }\n" +
    "}",
  linear_result: "// A weight's rows, the bias and the result of a product.\n" +
    "#include weight\n" +
    "\n" +
    "#if HAS_BIAS\n" +
    "@group(0) @binding(3) var<storage, read> bias: array<f32>;\n" +
    "#endif\n" +
    "@group(0) @binding(4) var<storage, read_write> out: array<f32>;\n" +
    "#if HAS_SUM\n" +
    "// The result of an addition that follows: out + other · otherScale · factor.\n" +
    "@group(0) @binding(5) var<storage, read> other: array<f32>;\n" +
    "#if HAS_SCALE\n" +
    "@group(0) @binding(6) var<storage, read> otherScale: array<f32>;\n" +
    "#endif\n" +
    "@group(0) @binding(7) var<storage, read_write> sum: array<f32>;\n" +
    "#endif\n" +
    "\n" +
    "fn store(row: u32, column: u32, product: f32) {\n" +
    "  if (row >= params.rows || column >= params.columns) {\n" +
    "    return;\n" +
    "  }\n" +
    "  let at = row * params.outSize + params.firstColumn + column;\n" +
    "  var value = product;\n" +
    "  if (params.first > 0) {\n" +
    "    value += out[at];\n" +
    "  }\n" +
    "  if (params.isLast != 0) {\n" +
    "#if HAS_BIAS\n" +
    "    value += bias[params.firstColumn + column];\n" +
    "#endif\n" +
    "    value = ACTIVATION(value);\n" +
    "#if HAS_SUM\n" +
    "    var added = other[at];\n" +
    "#if HAS_SCALE\n" +
    "    added *= otherScale[params.firstColumn + column];\n" +
    "#endif\n" +
    "    sum[at] = value + added * params.factor;\n" +
    "#endif\n" +
    "  }\n" +
    "  out[at] = value;\n" +
    "}",
  linear_subgroup: "// x Wᵀ for many rows: the tiles of `linear_workgroup`, but only the weight goes through workgroup memory. Each\n" +
    "// invocation owns a column and ROWS rows; the lanes of a subgroup load neighboring quads of a row of x and exchange\n" +
    "// them by shuffles.\n" +
    "#include linear_operands\n" +
    "#include linear_result\n" +
    "\n" +
    "const COLUMNS = 64u;\n" +
    "const STEP = 8u; // quads\n" +
    "var<workgroup> weightTile: array<vec4<f32>, STEP * COLUMNS>;\n" +
    "\n" +
    "@compute @workgroup_size(COLUMNS)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(subgroup_invocation_id) subgroupLane: u32,\n" +
    "  @builtin(subgroup_size) subgroupSize: u32,\n" +
    ") {\n" +
    "  let firstRow = group.y * ROWS;\n" +
    "  let firstColumn = group.x * COLUMNS;\n" +
    "  let lastRow = params.rows - 1;\n" +
    "  // Quads that one load of a subgroup covers.\n" +
    "  let share = min(subgroupSize, STEP);\n" +
    "  var sums = array<f32, ROWS>();\n" +
    "  for (var base = params.first; base < params.end; base += STEP) {\n" +
    "    for (var i = lane; i < STEP * COLUMNS; i += COLUMNS) {\n" +
    "      let column = firstColumn + i / STEP;\n" +
    "      let quad = base + i % STEP;\n" +
    "      var value = vec4<f32>();\n" +
    "      if (column < params.columns && quad < params.end) {\n" +
    "        value = weightQuad(column * params.stride, quad);\n" +
    "      }\n" +
    "      weightTile[(i % STEP) * COLUMNS + i / STEP] = value;\n" +
    "    }\n" +
    "    workgroupBarrier();\n" +
    "    for (var r = 0u; r < ROWS; r++) {\n" +
    "      let row = min(firstRow + r, lastRow);\n" +
    "      for (var part = 0u; part < STEP; part += share) {\n" +
    "        var own = vec4<f32>();\n" +
    "        let quad = base + part + subgroupLane % share;\n" +
    "        if (quad < params.end) {\n" +
    "          own = xQuad(row, quad);\n" +
    "        }\n" +
    "        for (var step = 0u; step < share; step++) {\n" +
    "          sums[r] += dot(subgroupShuffle(own, step), weightTile[(part + step) * COLUMNS + lane]);\n" +
    "        }\n" +
    "      }\n" +
    "    }\n" +
    "    workgroupBarrier();\n" +
    "  }\n" +
    "  for (var r = 0u; r < ROWS; r++) {\n" +
    "    store(firstRow + r, firstColumn + lane, sums[r]);\n" +
    "  }\n" +
    "}",
  linear_vector: "// x Wᵀ for one to four rows (ROWS): a workgroup makes COLUMNS features of each; its lanes share the features of x, so\n" +
    "// that they read each row of the weight in whole lines, once.\n" +
    "//\n" +
    "// The same x may be multiplied by up to three weights of one shape (PRODUCTS): each has a layer of workgroups.\n" +
    "#include linear_operands\n" +
    "#include indices\n" +
    "#include reduce\n" +
    "#include shared_columns\n" +
    "#if !PRODUCTS == 1\n" +
    "#again shared_columns B\n" +
    "#endif\n" +
    "#if PRODUCTS == 3\n" +
    "#again shared_columns C\n" +
    "#endif\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(num_workgroups) groups: vec3<u32>,\n" +
    ") {\n" +
    "  let firstColumn = workgroupNumber(group, groups) * COLUMNS;\n" +
    "  if (firstColumn >= params.columns) {\n" +
    "    return;\n" +
    "  }\n" +
    "#if PRODUCTS == 1\n" +
    "  multiply(firstColumn, lane);\n" +
    "#else\n" +
    "  if (group.z == 0) {\n" +
    "    multiply(firstColumn, lane);\n" +
    "  }\n" +
    "  if (group.z == 1) {\n" +
    "    multiplyB(firstColumn, lane);\n" +
    "  }\n" +
    "#if PRODUCTS == 3\n" +
    "  if (group.z == 2) {\n" +
    "    multiplyC(firstColumn, lane);\n" +
    "  }\n" +
    "#endif\n" +
    "#endif\n" +
    "}",
  linear_vector_register: "// x Wᵀ for one row: each invocation makes eight features by itself. No barriers: for adapters that are a CPU. There a\n" +
    "// load costs more than the arithmetic on it, so several columns share the loads of x.\n" +
    "//\n" +
    "// The same x may be multiplied by up to three weights of one shape (PRODUCTS): each has a layer of workgroups.\n" +
    "#include linear_operands\n" +
    "#include indices\n" +
    "#include eight_columns\n" +
    "#if !PRODUCTS == 1\n" +
    "#again eight_columns B\n" +
    "#endif\n" +
    "#if PRODUCTS == 3\n" +
    "#again eight_columns C\n" +
    "#endif\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(num_workgroups) groups: vec3<u32>,\n" +
    ") {\n" +
    "  let column = (workgroupNumber(group, groups) * WORKGROUP + lane) * 8;\n" +
    "  if (column >= params.columns) {\n" +
    "    return;\n" +
    "  }\n" +
    "#if PRODUCTS == 1\n" +
    "  multiply(column);\n" +
    "#else\n" +
    "  if (group.z == 0) {\n" +
    "    multiply(column);\n" +
    "  }\n" +
    "  if (group.z == 1) {\n" +
    "    multiplyB(column);\n" +
    "  }\n" +
    "#if PRODUCTS == 3\n" +
    "  if (group.z == 2) {\n" +
    "    multiplyC(column);\n" +
    "  }\n" +
    "#endif\n" +
    "#endif\n" +
    "}",
  linear_workgroup: "// x Wᵀ for many rows: a workgroup of 16 × 16 invocations makes a tile of 16·TILE_ROWS rows by 64 columns, going along\n" +
    "// the features in steps of 16, which it keeps in workgroup memory. Neighboring invocations own neighboring columns, 16\n" +
    "// apart within one invocation, so that workgroup memory is read without bank conflicts and the result is written in\n" +
    "// whole lines.\n" +
    "#include linear_operands\n" +
    "#include linear_result\n" +
    "\n" +
    "const STEP = 4u; // quads\n" +
    "var<workgroup> xTile: array<vec4<f32>, STEP * 16 * TILE_ROWS>;\n" +
    "var<workgroup> weightTile: array<vec4<f32>, STEP * 64>;\n" +
    "\n" +
    "@compute @workgroup_size(16, 16)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_id) local: vec3<u32>,\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    ") {\n" +
    "  let firstRow = group.y * 16 * TILE_ROWS;\n" +
    "  let firstColumn = group.x * 64;\n" +
    "  var sums = array<vec4<f32>, TILE_ROWS>();\n" +
    "  for (var base = params.first; base < params.end; base += STEP) {\n" +
    "    for (var i = lane; i < STEP * 16 * TILE_ROWS; i += 256) {\n" +
    "      let row = firstRow + i / STEP;\n" +
    "      let quad = base + i % STEP;\n" +
    "      var value = vec4<f32>();\n" +
    "      if (row < params.rows && quad < params.end) {\n" +
    "        value = xQuad(row, quad);\n" +
    "      }\n" +
    "      xTile[(i % STEP) * 16 * TILE_ROWS + i / STEP] = value;\n" +
    "    }\n" +
    "    let column = firstColumn + lane / STEP;\n" +
    "    let quad = base + lane % STEP;\n" +
    "    var value = vec4<f32>();\n" +
    "    if (column < params.columns && quad < params.end) {\n" +
    "      value = weightQuad(column * params.stride, quad);\n" +
    "    }\n" +
    "    weightTile[(lane % STEP) * 64 + lane / STEP] = value;\n" +
    "    workgroupBarrier();\n" +
    "    for (var step = 0u; step < STEP; step++) {\n" +
    "      let w0 = weightTile[step * 64 + local.x];\n" +
    "      let w1 = weightTile[step * 64 + local.x + 16];\n" +
    "      let w2 = weightTile[step * 64 + local.x + 32];\n" +
    "      let w3 = weightTile[step * 64 + local.x + 48];\n" +
    "      for (var r = 0u; r < TILE_ROWS; r++) {\n" +
    "        let value = xTile[step * 16 * TILE_ROWS + local.y + 16 * r];\n" +
    "        sums[r] += vec4<f32>(dot(value, w0), dot(value, w1), dot(value, w2), dot(value, w3));\n" +
    "      }\n" +
    "    }\n" +
    "    workgroupBarrier();\n" +
    "  }\n" +
    "  for (var r = 0u; r < TILE_ROWS; r++) {\n" +
    "    for (var c = 0u; c < 4; c++) {\n" +
    "      store(firstRow + local.y + 16 * r, firstColumn + local.x + 16 * c, sums[r][c]);\n" +
    "    }\n" +
    "  }\n" +
    "}",
  logarithm: "// log(1 + f) + e·log 2 for f from √½ - 1 to √2 - 1, by the polynomial of Cephes' logf (S. Moshier): the same operations\n" +
    "// in the same order as on the CPU, so that the same tokens are drawn. The built-in log is off by 5e-7 on the least\n" +
    "// accurate adapter measured.\n" +
    "fn log1p(f: f32, e: f32) -> f32 {\n" +
    "  let square = f * f;\n" +
    "  var y = 7.0376836292e-2;\n" +
    "  y = y * f + -1.1514610310e-1;\n" +
    "  y = y * f + 1.1676998740e-1;\n" +
    "  y = y * f + -1.2420140846e-1;\n" +
    "  y = y * f + 1.4249322787e-1;\n" +
    "  y = y * f + -1.6668057665e-1;\n" +
    "  y = y * f + 2.0000714765e-1;\n" +
    "  y = y * f + -2.4999993993e-1;\n" +
    "  y = y * f + 3.3333331174e-1;\n" +
    "  y = y * f * square;\n" +
    "  y = y + e * -2.12194440e-4;\n" +
    "  y = y - 0.5 * square;\n" +
    "  return (f + y) + e * 0.693359375;\n" +
    "}\n" +
    "\n" +
    "// log x for normal x > 0: x = m·2ᵉ with m from √½ to √2.\n" +
    "fn logarithm(x: f32) -> f32 {\n" +
    "  let bits = bitcast<u32>(x);\n" +
    "  var exponent = i32(bits >> 23) - 126;\n" +
    "  var mantissa = bitcast<f32>((bits & 0x007fffffu) | 0x3f000000u);\n" +
    "  if (mantissa < 0.70710677) {\n" +
    "    mantissa = mantissa + mantissa;\n" +
    "    exponent -= 1;\n" +
    "  }\n" +
    "  return log1p(mantissa - 1.0, f32(exponent));\n" +
    "}",
  mask_rows: "// Sets rows to zero where the mask is 0.\n" +
    "#include indices\n" +
    "\n" +
    "struct Params {\n" +
    "  size: u32,\n" +
    "  width: u32,\n" +
    "}\n" +
    "\n" +
    "@group(0) @binding(0) var<uniform> params: Params;\n" +
    "@group(0) @binding(1) var<storage, read> x: array<VALUE>;\n" +
    "@group(0) @binding(2) var<storage, read> mask: array<i32>;\n" +
    "@group(0) @binding(3) var<storage, read_write> out: array<VALUE>;\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(num_workgroups) groups: vec3<u32>,\n" +
    ") {\n" +
    "  let i = workgroupNumber(group, groups) * WORKGROUP + lane;\n" +
    "  if (i < params.size) {\n" +
    "    out[i] = select(x[i], VALUE(0.0), mask[i / params.width] == 0);\n" +
    "  }\n" +
    "}",
  math: "// The exact error function; absolute error below 1.2e-7. WGSL has none. The built-in exp is accurate enough: its\n" +
    "// relative error is 1.1e-6 at -20 on the least accurate adapter measured, and less nearer to 0.\n" +
    "fn erf(x: VALUE) -> VALUE {\n" +
    "  let a = min(abs(x), VALUE(4.0));\n" +
    "  let z = a * a;\n" +
    "  // Up to 0.9375: x + x P(x²).\n" +
    "  var p = VALUE(-0.0005943142459727824) * z + VALUE(0.004984378814697266);\n" +
    "  p = p * z + VALUE(-0.02676110714673996);\n" +
    "  p = p * z + VALUE(0.11281681805849075);\n" +
    "  p = p * z + VALUE(-0.3761248290538788);\n" +
    "  p = p * z + VALUE(0.12837915122509003);\n" +
    "  let near = p * a + a;\n" +
    "  // Beyond: 1 - e^Q(x), Q a fit of log erfc; 1 in f32 from 4 on.\n" +
    "  var q = VALUE(-0.0012131152907386422) * a + VALUE(0.015279379673302174);\n" +
    "  q = q * a + VALUE(-0.09019902348518372);\n" +
    "  q = q * a + VALUE(-0.6521027684211731);\n" +
    "  q = q * a + VALUE(-1.1192173957824707);\n" +
    "  q = q * a + VALUE(-0.002152419649064541);\n" +
    "  let far = VALUE(1.0) - exp(q);\n" +
    "  let magnitude = select(far, near, a < VALUE(0.9375));\n" +
    "  return select(magnitude, -magnitude, x < VALUE(0.0));\n" +
    "}",
  mean_pool: "// Mean over the sequence; positions first ≤ i < end of it are added to the sums of earlier ones.\n" +
    "#include indices\n" +
    "\n" +
    "struct Params {\n" +
    "  size: u32,\n" +
    "  length: u32,\n" +
    "  width: u32,\n" +
    "  first: u32,\n" +
    "  end: u32,\n" +
    "}\n" +
    "\n" +
    "@group(0) @binding(0) var<uniform> params: Params;\n" +
    "@group(0) @binding(1) var<storage, read> x: array<f32>;\n" +
    "@group(0) @binding(2) var<storage, read_write> out: array<f32>;\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(num_workgroups) groups: vec3<u32>,\n" +
    ") {\n" +
    "  let i = workgroupNumber(group, groups) * WORKGROUP + lane;\n" +
    "  if (i >= params.size) {\n" +
    "    return;\n" +
    "  }\n" +
    "  var sum = 0.0;\n" +
    "  if (params.first > 0) {\n" +
    "    sum = out[i];\n" +
    "  }\n" +
    "  for (var position = params.first; position < params.end; position++) {\n" +
    "    sum += x[((i / params.width) * params.length + position) * params.width + i % params.width];\n" +
    "  }\n" +
    "  out[i] = select(sum, sum / f32(params.length), params.end == params.length);\n" +
    "}",
  multiply: "// x · activation(y): y of x's shape, or one factor for each head, of each row or of all rows.\n" +
    "#include activation\n" +
    "#include indices\n" +
    "\n" +
    "struct Params {\n" +
    "  size: u32,\n" +
    "  // Features of a row of x.\n" +
    "  width: u32,\n" +
    "  // Factors of a row of y, and features that share one.\n" +
    "  factors: u32,\n" +
    "  sharedBy: u32,\n" +
    "  // 0 if all rows of x have the same factors.\n" +
    "  rowStride: u32,\n" +
    "}\n" +
    "\n" +
    "@group(0) @binding(0) var<uniform> params: Params;\n" +
    "@group(0) @binding(1) var<storage, read> x: array<VALUE>;\n" +
    "@group(0) @binding(2) var<storage, read> y: array<VALUE>;\n" +
    "@group(0) @binding(3) var<storage, read_write> out: array<VALUE>;\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(num_workgroups) groups: vec3<u32>,\n" +
    ") {\n" +
    "  let i = workgroupNumber(group, groups) * WORKGROUP + lane;\n" +
    "  if (i >= params.size) {\n" +
    "    return;\n" +
    "  }\n" +
    "  let row = i / params.width;\n" +
    "  let factor = y[row * params.rowStride + (i % params.width) / params.sharedBy];\n" +
    "  out[i] = x[i] * ACTIVATION(factor);\n" +
    "}",
  not_a_number: "// Decided by the bits, because compilers may assume that floats are never NaN.\n" +
    "fn isNotANumber(x: f32) -> bool {\n" +
    "  return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;\n" +
    "}",
  patches: "// Cuts images [b, c, h, w] into patches: \"b c (h p1) (w p2) -> b (h w) (p1 p2 c)\".\n" +
    "#include indices\n" +
    "\n" +
    "struct Params {\n" +
    "  size: u32,\n" +
    "  channels: u32,\n" +
    "  height: u32,\n" +
    "  width: u32,\n" +
    "  patchSize: u32,\n" +
    "}\n" +
    "\n" +
    "@group(0) @binding(0) var<uniform> params: Params;\n" +
    "@group(0) @binding(1) var<storage, read> images: array<f32>;\n" +
    "@group(0) @binding(2) var<storage, read_write> out: array<f32>;\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(num_workgroups) groups: vec3<u32>,\n" +
    ") {\n" +
    "  let i = workgroupNumber(group, groups) * WORKGROUP + lane;\n" +
    "  if (i >= params.size) {\n" +
    "    return;\n" +
    "  }\n" +
    "  let p = params.patchSize;\n" +
    "  let columns = params.width / p;\n" +
    "  let channel = i % params.channels;\n" +
    "  let inPatch = (i / params.channels) % (p * p);\n" +
    "  let number = i / (params.channels * p * p);\n" +
    "  let x = (number % columns) * p + inPatch % p;\n" +
    "  let y = ((number / columns) % (params.height / p)) * p + inPatch / p;\n" +
    "  let image = number / (columns * (params.height / p));\n" +
    "  out[i] = images[((image * params.channels + channel) * params.height + y) * params.width + x];\n" +
    "}",
  q4_0: "// A weight in q4_0: quads 0 to 3 of a block are the low nibbles of its words, the others the high ones.\n" +
    "const BLOCK_WORDS = 4u;\n" +
    "#include weight_words\n" +
    "\n" +
    "// The low nibbles of four bytes, less the 8 that was added to them.\n" +
    "fn lowNibbles(word: u32) -> vec4<f32> {\n" +
    "  return vec4<f32>((vec4<u32>(word) >> vec4<u32>(0, 8, 16, 24)) & vec4<u32>(15)) - 8.0;\n" +
    "}\n" +
    "\n" +
    "fn weightQuad(row: u32, quad: u32) -> vec4<f32> {\n" +
    "  let word = weight[row + quad / 8 * 4 + quad % 4];\n" +
    "  return weightScale(row, quad / 8) * lowNibbles(word >> (quad & 4));\n" +
    "}\n" +
    "\n" +
    "const PIECE_QUADS = 2u;\n" +
    "\n" +
    "fn quadOfPiece(piece: u32, part: u32) -> u32 {\n" +
    "  return (piece / 4) * 8 + part * 4 + piece % 4;\n" +
    "}\n" +
    "\n" +
    "fn weightPiece(row: u32, piece: u32) -> array<vec4<f32>, PIECE_QUADS> {\n" +
    "  let word = weight[row + piece];\n" +
    "  let scale = weightScale(row, piece / 4);\n" +
    "  return array<vec4<f32>, PIECE_QUADS>(scale * lowNibbles(word), scale * lowNibbles(word >> 4));\n" +
    "}",
  q8_0: "// A weight in q8_0: a word holds a quad of signed bytes.\n" +
    "const BLOCK_WORDS = 8u;\n" +
    "#include weight_words\n" +
    "\n" +
    "fn weightQuad(row: u32, quad: u32) -> vec4<f32> {\n" +
    "  return weightScale(row, quad / 8) * signedBytes(weight[row + quad]);\n" +
    "}\n" +
    "#include single_quads",
  random: "// Random numbers without state: each is a function of a seed, the number of the draw, a row and a token.\n" +
    "#include logarithm\n" +
    "\n" +
    "// pcg4d (Jarzynski and Olano 2020).\n" +
    "fn pcg4d(seed: u32, counter: u32, row: u32, token: u32) -> vec4<u32> {\n" +
    "  var v = vec4<u32>(seed, counter, row, token) * 1664525u + 1013904223u;\n" +
    "  v.x += v.y * v.w;\n" +
    "  v.y += v.z * v.x;\n" +
    "  v.z += v.x * v.y;\n" +
    "  v.w += v.y * v.z;\n" +
    "  v ^= v >> vec4<u32>(16u);\n" +
    "  v.x += v.y * v.w;\n" +
    "  v.y += v.z * v.x;\n" +
    "  v.z += v.x * v.y;\n" +
    "  v.w += v.y * v.z;\n" +
    "  return v;\n" +
    "}\n" +
    "\n" +
    "// From 0 to 1 - 2⁻²⁴.\n" +
    "fn uniformNumber(seed: u32, counter: u32, row: u32, token: u32) -> f32 {\n" +
    "  return f32(pcg4d(seed, counter, row, token).x >> 8) * 5.9604644775390625e-8;\n" +
    "}\n" +
    "\n" +
    "// -log(1 - v) for a uniform v of 24 bits of the first word and 23 of the second: small times, which win races, are\n" +
    "// finely spaced.\n" +
    "fn exponential(seed: u32, counter: u32, row: u32, token: u32) -> f32 {\n" +
    "  let bits = pcg4d(seed, counter, row, token);\n" +
    "  let high = f32(bits.x >> 8) * 5.9604644775390625e-8;\n" +
    "  let low = (f32(bits.y >> 9) + 0.5) * 7.105427357601002e-15;\n" +
    "  let v = min(high + low, 0.99999994);\n" +
    "  if (v <= 0.29289323) {\n" +
    "    return -log1p(-v, 0.0);\n" +
    "  }\n" +
    "  return -logarithm(1.0 - v);\n" +
    "}",
  reduce: "// Reductions over a workgroup: every invocation gets the same result. Both flavors have the same functions.\n" +
    "var<workgroup> partial: array<f32, WORKGROUP>;\n" +
    "\n" +
    "#if SUBGROUPS\n" +
    "// Invocations of a subgroup exchange registers, and subgroups workgroup memory: two barriers instead of\n" +
    "// log2(WORKGROUP).\n" +
    "fn workgroupSum(value: f32, lane: u32) -> f32 {\n" +
    "  let size = subgroupAdd(1u);\n" +
    "  let own = subgroupAdd(value);\n" +
    "  if (lane % size == 0u) {\n" +
    "    partial[lane / size] = own;\n" +
    "  }\n" +
    "  workgroupBarrier();\n" +
    "  var total = 0.0;\n" +
    "  for (var i = 0u; i < WORKGROUP / size; i++) {\n" +
    "    total += partial[i];\n" +
    "  }\n" +
    "  workgroupBarrier();\n" +
    "  return total;\n" +
    "}\n" +
    "\n" +
    "fn workgroupMax(value: f32, lane: u32) -> f32 {\n" +
    "  let size = subgroupAdd(1u);\n" +
    "  let own = subgroupMax(value);\n" +
    "  if (lane % size == 0u) {\n" +
    "    partial[lane / size] = own;\n" +
    "  }\n" +
    "  workgroupBarrier();\n" +
    "  var largest = partial[0];\n" +
    "  for (var i = 1u; i < WORKGROUP / size; i++) {\n" +
    "    largest = max(largest, partial[i]);\n" +
    "  }\n" +
    "  workgroupBarrier();\n" +
    "  return largest;\n" +
    "}\n" +
    "#else\n" +
    "fn workgroupSum(value: f32, lane: u32) -> f32 {\n" +
    "  partial[lane] = value;\n" +
    "  workgroupBarrier();\n" +
    "  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {\n" +
    "    if (lane < half) {\n" +
    "      partial[lane] += partial[lane + half];\n" +
    "    }\n" +
    "    workgroupBarrier();\n" +
    "  }\n" +
    "  let total = partial[0];\n" +
    "  workgroupBarrier();\n" +
    "  return total;\n" +
    "}\n" +
    "\n" +
    "fn workgroupMax(value: f32, lane: u32) -> f32 {\n" +
    "  partial[lane] = value;\n" +
    "  workgroupBarrier();\n" +
    "  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {\n" +
    "    if (lane < half) {\n" +
    "      partial[lane] = max(partial[lane], partial[lane + half]);\n" +
    "    }\n" +
    "    workgroupBarrier();\n" +
    "  }\n" +
    "  let largest = partial[0];\n" +
    "  workgroupBarrier();\n" +
    "  return largest;\n" +
    "}\n" +
    "#endif",
  reduce_index: "// The index of the largest value over a workgroup, the lowest among equals; every invocation gets it.\n" +
    "var<workgroup> candidateValues: array<f32, WORKGROUP>;\n" +
    "var<workgroup> candidateIndices: array<u32, WORKGROUP>;\n" +
    "\n" +
    "fn isBetter(value: f32, index: u32, other: u32) -> bool {\n" +
    "  return value > candidateValues[other] || (value == candidateValues[other] && index < candidateIndices[other]);\n" +
    "}\n" +
    "\n" +
    "fn workgroupArgmax(value: f32, index: u32, lane: u32) -> u32 {\n" +
    "#if SUBGROUPS\n" +
    "  let size = subgroupAdd(1u);\n" +
    "  let largest = subgroupMax(value);\n" +
    "  let lowest = subgroupMin(select(0xffffffffu, index, value == largest));\n" +
    "  if (lane % size == 0u) {\n" +
    "    candidateValues[lane / size] = largest;\n" +
    "    candidateIndices[lane / size] = lowest;\n" +
    "  }\n" +
    "  workgroupBarrier();\n" +
    "  var best = 0u;\n" +
    "  for (var i = 1u; i < WORKGROUP / size; i++) {\n" +
    "    if (isBetter(candidateValues[i], candidateIndices[i], best)) {\n" +
    "      best = i;\n" +
    "    }\n" +
    "  }\n" +
    "  let result = candidateIndices[best];\n" +
    "#else\n" +
    "  candidateValues[lane] = value;\n" +
    "  candidateIndices[lane] = index;\n" +
    "  workgroupBarrier();\n" +
    "  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {\n" +
    "    if (lane < half && isBetter(candidateValues[lane + half], candidateIndices[lane + half], lane)) {\n" +
    "      candidateValues[lane] = candidateValues[lane + half];\n" +
    "      candidateIndices[lane] = candidateIndices[lane + half];\n" +
    "    }\n" +
    "    workgroupBarrier();\n" +
    "  }\n" +
    "  let result = candidateIndices[0];\n" +
    "#endif\n" +
    "  workgroupBarrier();\n" +
    "  return result;\n" +
    "}",
  repetition_penalty: "// Divides positive and multiplies negative logits of tokens in the history (arXiv 1909.05858), in a copy of the logits.\n" +
    "// A token that occurs twice is written twice, with the same value.\n" +
    "#include indices\n" +
    "\n" +
    "struct Params {\n" +
    "  size: u32,\n" +
    "  // Tokens of history, and logits, in a row.\n" +
    "  history: u32,\n" +
    "  width: u32,\n" +
    "  penalty: f32,\n" +
    "}\n" +
    "\n" +
    "@group(0) @binding(0) var<uniform> params: Params;\n" +
    "@group(0) @binding(1) var<storage, read> logits: array<f32>;\n" +
    "@group(0) @binding(2) var<storage, read> history: array<i32>;\n" +
    "@group(0) @binding(3) var<storage, read_write> out: array<f32>;\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(num_workgroups) groups: vec3<u32>,\n" +
    ") {\n" +
    "  let i = workgroupNumber(group, groups) * WORKGROUP + lane;\n" +
    "  if (i >= params.size) {\n" +
    "    return;\n" +
    "  }\n" +
    "  let token = history[i];\n" +
    "  if (token < 0 || u32(token) >= params.width) {\n" +
    "    return;\n" +
    "  }\n" +
    "  let at = (i / params.history) * params.width + u32(token);\n" +
    "  let logit = logits[at];\n" +
    "  if (logit > LOWEST) {\n" +
    "    out[at] = select(logit * params.penalty, logit / params.penalty, logit > 0.0);\n" +
    "  }\n" +
    "}",
  rotary: "// Rotary positions by themselves.\n" +
    "#include indices\n" +
    "#include rotation\n" +
    "\n" +
    "struct Params {\n" +
    "  size: u32,\n" +
    "  // Features of a row, of a head, and rotated ones of a head.\n" +
    "  width: u32,\n" +
    "  headWidth: u32,\n" +
    "  rotated: u32,\n" +
    "  // Rows of the table, which repeats over the rows of x.\n" +
    "  tableRows: u32,\n" +
    "}\n" +
    "\n" +
    "@group(0) @binding(0) var<uniform> params: Params;\n" +
    "@group(0) @binding(1) var<storage, read> x: array<f32>;\n" +
    "@group(0) @binding(3) var<storage, read_write> out: array<f32>;\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(num_workgroups) groups: vec3<u32>,\n" +
    ") {\n" +
    "  let i = workgroupNumber(group, groups) * WORKGROUP + lane;\n" +
    "  if (i < params.size) {\n" +
    "    out[i] = rotated(i);\n" +
    "  }\n" +
    "}",
  rotation: "// Pairs of features rotated by the angles of a table (arXiv 2104.09864); other features pass through.\n" +
    "\n" +
    "// For each position the cosines, then the sines.\n" +
    "@group(0) @binding(2) var<storage, read> angles: array<f32>;\n" +
    "\n" +
    "// The rotated value of x[i].\n" +
    "fn rotated(i: u32) -> f32 {\n" +
    "  let feature = (i % params.width) % params.headWidth;\n" +
    "  if (feature >= params.rotated) {\n" +
    "    return x[i];\n" +
    "  }\n" +
    "  let half = params.rotated / 2;\n" +
    "#if ADJACENT\n" +
    "  let pair = feature / 2;\n" +
    "  let isFirst = feature % 2 == 0;\n" +
    "  let other = select(i - 1, i + 1, isFirst);\n" +
    "#else\n" +
    "  let pair = feature % half;\n" +
    "  let isFirst = feature < half;\n" +
    "  let other = select(i - half, i + half, isFirst);\n" +
    "#endif\n" +
    "  let base = ((i / params.width) % params.tableRows) * params.rotated;\n" +
    "  let cosine = angles[base + pair];\n" +
    "  let sine = select(1.0, -1.0, isFirst) * angles[base + half + pair];\n" +
    "  return x[i] * cosine + x[other] * sine;\n" +
    "}",
  sample: "// One token for each row: the largest logit, or by the Gumbel-max trick a draw from softmax(logits / temperature): the\n" +
    "// largest logit / temperature - log E, E exponential. A row from which nothing can be drawn gives -1. A workgroup for\n" +
    "// each row.\n" +
    "#include indices\n" +
    "#include not_a_number\n" +
    "#include random\n" +
    "#include reduce\n" +
    "#include reduce_index\n" +
    "\n" +
    "struct Params {\n" +
    "  rows: u32,\n" +
    "  width: u32,\n" +
    "  seed: u32,\n" +
    "  counter: u32,\n" +
    "  inverseTemperature: f32,\n" +
    "}\n" +
    "\n" +
    "@group(0) @binding(0) var<uniform> params: Params;\n" +
    "@group(0) @binding(1) var<storage, read> logits: array<f32>;\n" +
    "@group(0) @binding(2) var<storage, read_write> out: array<i32>;\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(num_workgroups) groups: vec3<u32>,\n" +
    ") {\n" +
    "  let row = workgroupNumber(group, groups);\n" +
    "  if (row >= params.rows) {\n" +
    "    return;\n" +
    "  }\n" +
    "  let base = row * params.width;\n" +
    "  var largest = LOWEST;\n" +
    "  var broken = 0.0;\n" +
    "  for (var i = lane; i < params.width; i += WORKGROUP) {\n" +
    "    largest = max(largest, logits[base + i]);\n" +
    "    broken = select(broken, 1.0, isNotANumber(logits[base + i]));\n" +
    "  }\n" +
    "  largest = workgroupMax(largest, lane);\n" +
    "  broken = workgroupMax(broken, lane);\n" +
    "  var best = LOWEST;\n" +
    "  var index = lane;\n" +
    "  for (var i = lane; i < params.width; i += WORKGROUP) {\n" +
    "    var score = logits[base + i];\n" +
    "#if !GREEDY\n" +
    "    if (score > LOWEST) {\n" +
    "      // The largest becomes 0 even if it is infinite.\n" +
    "      let scaled = select((score - largest) * params.inverseTemperature, 0.0, score == largest);\n" +
    "      score = scaled - logarithm(exponential(params.seed, params.counter, row, i));\n" +
    "    }\n" +
    "#endif\n" +
    "    if (score > best) {\n" +
    "      best = score;\n" +
    "      index = i;\n" +
    "    }\n" +
    "  }\n" +
    "  let token = workgroupArgmax(best, index, lane);\n" +
    "  if (lane == 0) {\n" +
    "    out[row] = select(-1, i32(token), largest > LOWEST && broken == 0.0);\n" +
    "  }\n" +
    "}",
  scalar: "// A number that fills a unit.\n" +
    "fn scalar(unit: VALUE) -> f32 {\n" +
    "#if VECTORS\n" +
    "  return unit.x;\n" +
    "#else\n" +
    "  return unit;\n" +
    "#endif\n" +
    "}",
  shared_columns: "// COLUMNS columns of a product of ROWS rows; the lanes of a workgroup share the features.\n" +
    "#include linear_result\n" +
    "\n" +
    "fn multiply(firstColumn: u32, lane: u32) {\n" +
    "  let lastColumn = params.columns - 1;\n" +
    "  var sums = array<array<f32, COLUMNS>, ROWS>();\n" +
    "  for (var piece = params.first + lane; piece < params.end; piece += WORKGROUP) {\n" +
    "    var values = array<array<vec4<f32>, ROWS>, PIECE_QUADS>();\n" +
    "    for (var part = 0u; part < PIECE_QUADS; part++) {\n" +
    "      let quad = quadOfPiece(piece, part);\n" +
    "#if PARTIAL\n" +
    "      // The last block is padded with zeros, which have no counterpart in x.\n" +
    "      if (quad >= params.quads) {\n" +
    "        continue;\n" +
    "      }\n" +
    "#endif\n" +
    "      for (var r = 0u; r < ROWS; r++) {\n" +
    "        values[part][r] = xQuad(r, quad);\n" +
    "      }\n" +
    "    }\n" +
    "    for (var c = 0u; c < COLUMNS; c++) {\n" +
    "      let w = weightPiece(min(firstColumn + c, lastColumn) * params.stride, piece);\n" +
    "      for (var part = 0u; part < PIECE_QUADS; part++) {\n" +
    "        for (var r = 0u; r < ROWS; r++) {\n" +
    "          sums[r][c] += dot(values[part][r], w[part]);\n" +
    "        }\n" +
    "      }\n" +
    "    }\n" +
    "  }\n" +
    "  for (var r = 0u; r < ROWS; r++) {\n" +
    "    for (var c = 0u; c < COLUMNS; c++) {\n" +
    "      let sum = workgroupSum(sums[r][c], lane);\n" +
    "      if (lane == 0) {\n" +
    "        store(r, firstColumn + c, sum);\n" +
    "      }\n" +
    "    }\n" +
    "  }\n" +
    "}",
  shift_tokens: "// Moves each segment of features some positions along the sequence; zeros, or rows from before the sequence, take their\n" +
    "// places.\n" +
    "#include indices\n" +
    "\n" +
    "struct Params {\n" +
    "  size: u32,\n" +
    "  // Positions, features of a row, features of a segment and number of segments.\n" +
    "  length: u32,\n" +
    "  width: u32,\n" +
    "  segment: u32,\n" +
    "  segments: u32,\n" +
    "  // Rows of `previous` in each batch row.\n" +
    "  before: u32,\n" +
    "}\n" +
    "\n" +
    "@group(0) @binding(0) var<uniform> params: Params;\n" +
    "@group(0) @binding(1) var<storage, read> x: array<f32>;\n" +
    "@group(0) @binding(2) var<storage, read> shifts: array<i32>;\n" +
    "#if HAS_PREVIOUS\n" +
    "@group(0) @binding(3) var<storage, read> previous: array<f32>;\n" +
    "#endif\n" +
    "@group(0) @binding(4) var<storage, read_write> out: array<f32>;\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(num_workgroups) groups: vec3<u32>,\n" +
    ") {\n" +
    "  let i = workgroupNumber(group, groups) * WORKGROUP + lane;\n" +
    "  if (i >= params.size) {\n" +
    "    return;\n" +
    "  }\n" +
    "  let feature = i % params.width;\n" +
    "  let row = i / params.width;\n" +
    "  let segment = feature / params.segment;\n" +
    "  if (segment >= params.segments) {\n" +
    "    out[i] = x[i];\n" +
    "    return;\n" +
    "  }\n" +
    "  let batch = row / params.length;\n" +
    "  let position = i32(row % params.length) - shifts[segment];\n" +
    "  var value = 0.0;\n" +
    "  if (position >= 0 && position < i32(params.length)) {\n" +
    "    value = x[(batch * params.length + u32(position)) * params.width + feature];\n" +
    "  }\n" +
    "#if HAS_PREVIOUS\n" +
    "  if (position < 0 && position >= -i32(params.before)) {\n" +
    "    value = previous[(batch * params.before + u32(position + i32(params.before))) * params.width + feature];\n" +
    "  }\n" +
    "#endif\n" +
    "  out[i] = value;\n" +
    "}",
  single_quads: "// Pieces of one quad each.\n" +
    "const PIECE_QUADS = 1u;\n" +
    "\n" +
    "fn quadOfPiece(piece: u32, part: u32) -> u32 {\n" +
    "  return piece;\n" +
    "}\n" +
    "\n" +
    "fn weightPiece(row: u32, piece: u32) -> array<vec4<f32>, PIECE_QUADS> {\n" +
    "  return array<vec4<f32>, PIECE_QUADS>(weightQuad(row, piece));\n" +
    "}",
  softmax: "// Softmax of each row, or its logarithm; a workgroup for each. Hidden entries (LOWEST) get probability 0.\n" +
    "#include indices\n" +
    "#include logarithm\n" +
    "#include reduce\n" +
    "\n" +
    "struct Params {\n" +
    "  rows: u32,\n" +
    "  width: u32,\n" +
    "}\n" +
    "\n" +
    "@group(0) @binding(0) var<uniform> params: Params;\n" +
    "@group(0) @binding(1) var<storage, read> x: array<f32>;\n" +
    "@group(0) @binding(2) var<storage, read_write> out: array<f32>;\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(num_workgroups) groups: vec3<u32>,\n" +
    ") {\n" +
    "  let row = workgroupNumber(group, groups);\n" +
    "  if (row >= params.rows) {\n" +
    "    return;\n" +
    "  }\n" +
    "  let base = row * params.width;\n" +
    "  var largest = LOWEST;\n" +
    "  for (var i = lane; i < params.width; i += WORKGROUP) {\n" +
    "    largest = max(largest, x[base + i]);\n" +
    "  }\n" +
    "  largest = workgroupMax(largest, lane);\n" +
    "  var sum = 0.0;\n" +
    "  for (var i = lane; i < params.width; i += WORKGROUP) {\n" +
    "    sum += select(exp(x[base + i] - largest), 0.0, x[base + i] <= LOWEST);\n" +
    "  }\n" +
    "  sum = workgroupSum(sum, lane);\n" +
    "#if LOGARITHM\n" +
    "  let shift = largest + logarithm(max(sum, 1.0));\n" +
    "#else\n" +
    "  let inverse = select(1.0 / sum, 0.0, sum == 0.0);\n" +
    "#endif\n" +
    "  for (var i = lane; i < params.width; i += WORKGROUP) {\n" +
    "    let value = x[base + i];\n" +
    "#if LOGARITHM\n" +
    "    out[base + i] = select(value - shift, LOWEST, value <= LOWEST);\n" +
    "#else\n" +
    "    out[base + i] = select(exp(value - largest) * inverse, 0.0, value <= LOWEST);\n" +
    "#endif\n" +
    "  }\n" +
    "}",
  sum: "// The sum of all values, in one workgroup.\n" +
    "#include reduce\n" +
    "\n" +
    "struct Params {\n" +
    "  size: u32,\n" +
    "}\n" +
    "\n" +
    "@group(0) @binding(0) var<uniform> params: Params;\n" +
    "@group(0) @binding(1) var<storage, read> x: array<f32>;\n" +
    "@group(0) @binding(2) var<storage, read_write> out: array<f32>;\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(@builtin(local_invocation_index) lane: u32) {\n" +
    "  var sum = 0.0;\n" +
    "  for (var i = lane; i < params.size; i += WORKGROUP) {\n" +
    "    sum += x[i];\n" +
    "  }\n" +
    "  sum = workgroupSum(sum, lane);\n" +
    "  if (lane == 0) {\n" +
    "    out[0] = sum;\n" +
    "  }\n" +
    "}",
  values: "@group(0) @binding(3) var<storage, read> v: array<STORED>;\n" +
    "\n" +
    "// A unit of the value that begins at an offset.\n" +
    "fn valueUnit(offset: u32, unit: u32) -> VALUE {\n" +
    "#if FORMAT == q8_0\n" +
    "  return unitOf(v[offset + unit], v[offset + UNITS + unit / 16], unit);\n" +
    "#else\n" +
    "  return unitOf(v[offset + unit]);\n" +
    "#endif\n" +
    "}",
  weight: "// Rows of a weight [out, in] as quads of values, `quads` to a row, the last filled up with zeros. A row begins at a\n" +
    "// multiple of `stride` elements. A piece is what lies in one element: PIECE_QUADS quads, which need not be neighbors.\n" +
    "// Where invocations side by side read pieces side by side, they read each byte of the weight once.\n" +
    "//\n" +
    "// Each format has `weightQuad`, `weightPiece`, PIECE_QUADS and `quadOfPiece` in the snippet of its name.\n" +
    "#include FORMAT",
  weight_words: "// A weight in blocks, whose quants take BLOCK_WORDS words each and lie in front of the scales.\n" +
    "#include blocks\n" +
    "\n" +
    "@group(0) @binding(2) var<storage, read> weight: array<u32>;\n" +
    "\n" +
    "fn weightScale(row: u32, block: u32) -> f32 {\n" +
    "  let blocks = (params.quads + 7) / 8;\n" +
    "  return blockScale(weight[row + blocks * BLOCK_WORDS + block / 2], block);\n" +
    "}",
};
