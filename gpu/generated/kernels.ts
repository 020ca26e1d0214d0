// deno-fmt-ignore-file
// Made from gpu/kernels/*.wgsl by `deno task build`; not to be edited.

/** Kernels and snippets by the name of their file. */
export const KERNELS: Readonly<Record<string, string>> = {
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
  copy_rows: "// Copies runs of rows: what concatenation and slicing are made of. Works on bits, so that it serves every dtype.\n" +
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
  embedding: "// Rows of a weight by token id. A weight in several parts takes a dispatch for each, which writes the rows that it holds.\n" +
    "#include indices\n" +
    "#include weight\n" +
    "\n" +
    "struct Params {\n" +
    "  // Quads of all rows, and of one row.\n" +
    "  size: u32,\n" +
    "  quads: u32,\n" +
    "  width: u32,\n" +
    "  // Rows that this part of the weight begins with and holds.\n" +
    "  firstRow: u32,\n" +
    "  rows: u32,\n" +
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
    "  let row = u32(tokens[i / params.quads]) - params.firstRow;\n" +
    "  if (row >= params.rows) {\n" +
    "    return;\n" +
    "  }\n" +
    "  let value = weightQuad(row * params.quads + quad);\n" +
    "  let first = (i / params.quads) * params.width + quad * 4;\n" +
    "  for (var e = 0u; e < 4 && quad * 4 + e < params.width; e++) {\n" +
    "    out[first + e] = value[e];\n" +
    "  }\n" +
    "}",
  gather_rows: "// Rows by their index.\n" +
    "#include indices\n" +
    "\n" +
    "struct Params {\n" +
    "  size: u32,\n" +
    "  width: u32,\n" +
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
    "  if (i < params.size) {\n" +
    "    out[i] = x[u32(indices[i / params.width]) * params.width + i % params.width];\n" +
    "  }\n" +
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
  indices: "// Dispatches longer than one dimension allows are folded into rows of workgroups.\n" +
    "fn workgroupNumber(group: vec3<u32>, groups: vec3<u32>) -> u32 {\n" +
    "  return group.y * groups.x + group.x;\n" +
    "}",
  l2_norm: "// x / max(‖x‖₂, eps) · factor · gain; a workgroup for each group of features.\n" +
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
    "  let inverse = params.factor / max(sqrt(workgroupSum(squares, lane)), params.eps);\n" +
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
  linear_operands: "// What the variants of `linear` share: x [rows, inSize], a weight's rows, the bias and the result.\n" +
    "#include activation\n" +
    "#include weight\n" +
    "\n" +
    "struct Params {\n" +
    "  rows: u32,\n" +
    "  // Features of a row of x, and of the weight in quads.\n" +
    "  inSize: u32,\n" +
    "  quads: u32,\n" +
    "  // Rows of the weight at hand, where they begin among all, and features of a row of the result.\n" +
    "  columns: u32,\n" +
    "  firstColumn: u32,\n" +
    "  outSize: u32,\n" +
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
    "#endif\n" +
    "#if HAS_BIAS\n" +
    "@group(0) @binding(3) var<storage, read> bias: array<f32>;\n" +
    "#endif\n" +
    "@group(0) @binding(4) var<storage, read_write> out: array<f32>;\n" +
    "\n" +
    "fn store(row: u32, column: u32, product: f32) {\n" +
    "  if (row >= params.rows || column >= params.columns) {\n" +
    "    return;\n" +
    "  }\n" +
    "  var value = product;\n" +
    "#if HAS_BIAS\n" +
    "  value += bias[params.firstColumn + column];\n" +
    "#endif\n" +
    "  out[row * params.outSize + params.firstColumn + column] = ACTIVATION(value);\n" +
    "}",
  linear_register: "// x Wᵀ for many rows: each invocation keeps a tile of 4 × 4 sums in registers. No workgroup memory and no barriers: fastest on\n" +
    "// adapters that are a CPU (512³: 7.3 GFLOP/s on llvmpipe against 2.2 through workgroup memory).\n" +
    "#include linear_operands\n" +
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
    "  let columns = min(vec4<u32>(column) + vec4<u32>(0, 1, 2, 3), vec4<u32>(lastColumn)) * params.quads;\n" +
    "  var sums = array<vec4<f32>, 4>();\n" +
    "  for (var quad = 0u; quad < params.quads; quad++) {\n" +
    "    let w0 = weightQuad(columns.x + quad);\n" +
    "    let w1 = weightQuad(columns.y + quad);\n" +
    "    let w2 = weightQuad(columns.z + quad);\n" +
    "    let w3 = weightQuad(columns.w + quad);\n" +
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
  linear_subgroup: "// x Wᵀ for many rows: the tiles of `linear_workgroup`, but only the weight goes through workgroup memory. Each invocation owns a\n" +
    "// column and ROWS rows; the lanes of a subgroup load neighbouring quads of a row of x and hand them round by shuffles.\n" +
    "#include linear_operands\n" +
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
    "  for (var base = 0u; base < params.quads; base += STEP) {\n" +
    "    for (var i = lane; i < STEP * COLUMNS; i += COLUMNS) {\n" +
    "      let column = firstColumn + i / STEP;\n" +
    "      let quad = base + i % STEP;\n" +
    "      var value = vec4<f32>();\n" +
    "      if (column < params.columns && quad < params.quads) {\n" +
    "        value = weightQuad(column * params.quads + quad);\n" +
    "      }\n" +
    "      weightTile[(i % STEP) * COLUMNS + i / STEP] = value;\n" +
    "    }\n" +
    "    workgroupBarrier();\n" +
    "    for (var r = 0u; r < ROWS; r++) {\n" +
    "      let row = min(firstRow + r, lastRow);\n" +
    "      for (var part = 0u; part < STEP; part += share) {\n" +
    "        var own = vec4<f32>();\n" +
    "        let quad = base + part + subgroupLane % share;\n" +
    "        if (quad < params.quads) {\n" +
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
  linear_vector: "// x Wᵀ for one to four rows (ROWS): a workgroup makes COLUMNS features of each; its lanes share the features of x, so that they\n" +
    "// read each row of the weight in whole lines, once.\n" +
    "#include linear_operands\n" +
    "#include indices\n" +
    "#include reduce\n" +
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
    "  let lastColumn = params.columns - 1;\n" +
    "  var sums = array<array<f32, COLUMNS>, ROWS>();\n" +
    "  for (var quad = lane; quad < params.quads; quad += WORKGROUP) {\n" +
    "    var values = array<vec4<f32>, ROWS>();\n" +
    "    for (var r = 0u; r < ROWS; r++) {\n" +
    "      values[r] = xQuad(r, quad);\n" +
    "    }\n" +
    "    for (var c = 0u; c < COLUMNS; c++) {\n" +
    "      let w = weightQuad(min(firstColumn + c, lastColumn) * params.quads + quad);\n" +
    "      for (var r = 0u; r < ROWS; r++) {\n" +
    "        sums[r][c] += dot(values[r], w);\n" +
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
  linear_vector_register: "// x Wᵀ for one to four rows (ROWS): each invocation makes one feature of each row by itself. No barriers: for adapters that are a CPU.\n" +
    "#include linear_operands\n" +
    "#include indices\n" +
    "\n" +
    "@compute @workgroup_size(WORKGROUP)\n" +
    "fn main(\n" +
    "  @builtin(local_invocation_index) lane: u32,\n" +
    "  @builtin(workgroup_id) group: vec3<u32>,\n" +
    "  @builtin(num_workgroups) groups: vec3<u32>,\n" +
    ") {\n" +
    "  let column = workgroupNumber(group, groups) * WORKGROUP + lane;\n" +
    "  if (column >= params.columns) {\n" +
    "    return;\n" +
    "  }\n" +
    "  let base = column * params.quads;\n" +
    "  var sums = array<vec4<f32>, ROWS>();\n" +
    "  for (var quad = 0u; quad < params.quads; quad++) {\n" +
    "    let w = weightQuad(base + quad);\n" +
    "    for (var r = 0u; r < ROWS; r++) {\n" +
    "      sums[r] += xQuad(r, quad) * w;\n" +
    "    }\n" +
    "  }\n" +
    "  for (var r = 0u; r < ROWS; r++) {\n" +
    "    store(r, column, dot(sums[r], vec4<f32>(1.0)));\n" +
    "  }\n" +
    "}",
  linear_workgroup: "// x Wᵀ for many rows: a workgroup of 16 × 16 invocations makes a tile of 16·TILE_ROWS rows by 64 columns, going along the\n" +
    "// features in steps of 16, which it keeps in workgroup memory. Neighbouring invocations own neighbouring columns, 16 apart within\n" +
    "// one invocation, so that workgroup memory is read without bank conflicts and the result is written in whole lines.\n" +
    "#include linear_operands\n" +
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
    "  for (var base = 0u; base < params.quads; base += STEP) {\n" +
    "    for (var i = lane; i < STEP * 16 * TILE_ROWS; i += 256) {\n" +
    "      let row = firstRow + i / STEP;\n" +
    "      let quad = base + i % STEP;\n" +
    "      var value = vec4<f32>();\n" +
    "      if (row < params.rows && quad < params.quads) {\n" +
    "        value = xQuad(row, quad);\n" +
    "      }\n" +
    "      xTile[(i % STEP) * 16 * TILE_ROWS + i / STEP] = value;\n" +
    "    }\n" +
    "    let column = firstColumn + lane / STEP;\n" +
    "    let quad = base + lane % STEP;\n" +
    "    var value = vec4<f32>();\n" +
    "    if (column < params.columns && quad < params.quads) {\n" +
    "      value = weightQuad(column * params.quads + quad);\n" +
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
  math: "// The exact error function; absolute error below 1.2e-7. WGSL has none. The built-in exp is good enough everywhere: it errs by\n" +
    "// 1.1e-6, relative, at -20 on the least accurate adapter measured, and by less nearer to 0.\n" +
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
  mean_pool: "// Mean over the sequence.\n" +
    "#include indices\n" +
    "\n" +
    "struct Params {\n" +
    "  size: u32,\n" +
    "  length: u32,\n" +
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
    "  let i = workgroupNumber(group, groups) * WORKGROUP + lane;\n" +
    "  if (i >= params.size) {\n" +
    "    return;\n" +
    "  }\n" +
    "  var sum = 0.0;\n" +
    "  for (var position = 0u; position < params.length; position++) {\n" +
    "    sum += x[((i / params.width) * params.length + position) * params.width + i % params.width];\n" +
    "  }\n" +
    "  out[i] = sum / f32(params.length);\n" +
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
    "  // 0 where one row of factors serves all rows of x.\n" +
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
  reduce: "// Reductions over a workgroup: every invocation gets the same result. Both flavours have the same functions.\n" +
    "var<workgroup> partial: array<f32, WORKGROUP>;\n" +
    "\n" +
    "#if SUBGROUPS\n" +
    "// Registers are exchanged inside a subgroup, workgroup memory only between subgroups: two barriers instead of log2(WORKGROUP).\n" +
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
  rotary: "// Rotates pairs of features by the angles of a table (arXiv 2104.09864); other features pass through.\n" +
    "#include indices\n" +
    "\n" +
    "struct Params {\n" +
    "  size: u32,\n" +
    "  // Features of a row, of a head, and rotated ones of a head.\n" +
    "  width: u32,\n" +
    "  dim: u32,\n" +
    "  rotated: u32,\n" +
    "  // Rows of the table, which repeats over the rows of x.\n" +
    "  tableRows: u32,\n" +
    "}\n" +
    "\n" +
    "@group(0) @binding(0) var<uniform> params: Params;\n" +
    "@group(0) @binding(1) var<storage, read> x: array<f32>;\n" +
    "// For each position the cosines, then the sines.\n" +
    "@group(0) @binding(2) var<storage, read> angles: array<f32>;\n" +
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
    "  let feature = (i % params.width) % params.dim;\n" +
    "  if (feature >= params.rotated) {\n" +
    "    out[i] = x[i];\n" +
    "    return;\n" +
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
    "  out[i] = x[i] * cosine + x[other] * sine;\n" +
    "}",
  shift_tokens: "// Moves each segment of features some positions along the sequence; zeros, or rows from before the sequence, move in.\n" +
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
  softmax: "// Softmax of each row, or its logarithm; a workgroup for each. Hidden entries (LOWEST) get probability 0.\n" +
    "#include indices\n" +
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
    "  let shift = largest + log(max(sum, 1.0));\n" +
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
  weight: "// Rows of a weight [out, in] as quads of values, `quads` to a row, the last filled up with zeros.\n" +
    "#if FORMAT == f32\n" +
    "@group(0) @binding(2) var<storage, read> weight: array<vec4<f32>>;\n" +
    "\n" +
    "fn weightQuad(i: u32) -> vec4<f32> {\n" +
    "  return weight[i];\n" +
    "}\n" +
    "#endif\n" +
    "#if FORMAT == f16\n" +
    "#if F16\n" +
    "@group(0) @binding(2) var<storage, read> weight: array<vec4<f16>>;\n" +
    "\n" +
    "fn weightQuad(i: u32) -> vec4<f32> {\n" +
    "  return vec4<f32>(weight[i]);\n" +
    "}\n" +
    "#else\n" +
    "@group(0) @binding(2) var<storage, read> weight: array<vec2<u32>>;\n" +
    "\n" +
    "fn weightQuad(i: u32) -> vec4<f32> {\n" +
    "  return vec4<f32>(unpack2x16float(weight[i].x), unpack2x16float(weight[i].y));\n" +
    "}\n" +
    "#endif\n" +
    "#endif",
};
