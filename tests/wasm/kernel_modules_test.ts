/** What `deno task build` makes of the kernels' declarations. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { kernelModules } from "../../assembly/build/kernel_modules.ts";

/** The source of a kernel with these fields. */
function kernel(name: string, ...fields: string[]): string {
  const structure = `${name[0]?.toUpperCase()}${name.slice(1)}Arguments`;
  return `
// @ts-ignore: decorator
@unmanaged
export class ${structure} {
${fields.map((field) => `  ${field};\n`).join("")}}

export function ${name}(a: ${structure}, thread: i32, threads: i32, scratch: usize): void {
  if (thread > 0) return;
}
`;
}

/** The body of an encoder among the generated ones. */
function encoderOf(name: string, source: string): string[] {
  const text = kernelModules(new Map([["room/file.ts", source]])).get("encoders.ts") ?? "";
  const body = text.match(new RegExp(`  ${name}\\(command, recorder\\) \\{\n(.*?)\n  \\},`, "s"))?.[1] ?? "";
  return body.split("\n").map((line) => line.trim());
}

Deno.test("an operation whose kernel takes its tensors and options needs no encoder", () => {
  const fields = ["x: Tensor", "gain: Tensor", "factor: f32", "heads: i32", "causal: Flag", "activation: ActivationId"];
  const sizes = ["rows: i32", "gainSize: i32", "xShape2: i32", "xFormat: FormatId", "shifts: List"];
  assertEquals(encoderOf("turn", kernel("turn", ...fields, ...sizes)), [
    "const { floats, words } = recorder;",
    "words[0] = addressOf(command.x);",
    "words[1] = addressOf(command.gain);",
    "floats[2] = command.factor;",
    "words[3] = command.heads;",
    "words[4] = command.causal ? 1 : 0;",
    'words[5] = ActivationId[command.activation ?? "none"];',
    "words[6] = command.out.rows;",
    "words[7] = command.gain?.size ?? 0;",
    "words[8] = command.x?.shape[2] ?? 0;",
    "words[9] = formatId(command.x.dtype);",
    "words[10] = command.shifts.length;",
    "recorder.append(Kernel.turn, 11, recorder.work, command.shifts);",
  ]);
});

Deno.test("a kernel that an encoder chooses gets a function that writes its record", () => {
  const modules = kernelModules(
    new Map([["room/file.ts", kernel("merge", "from: Address", "eps: f32", "isLast: Flag")]]),
  );
  const text = modules.get("records.ts") ?? "";
  for (const line of ["words[0] = a.from;", "floats[1] = a.eps;", "words[2] = a.isLast ? 1 : 0;"]) {
    assert(text.includes(`  ${line}\n`), text);
  }
  assert(text.includes("to.append(Kernel.merge, 3, work);"), text);
  assert(!(modules.get("encoders.ts") ?? "").includes("merge"));
});

Deno.test("kernels are numbered by name, wherever they lie", () => {
  const [a, b] = [kernel("a", "x: Tensor"), kernel("b", "x: Tensor")];
  const modules = kernelModules(new Map([["z/a.ts", a], ["a/b.ts", b]]));
  assert((modules.get("kernel.ts") ?? "").includes("{\n  a = 0,\n  b = 1,\n}"));
  const [one, other] = [new Map([["z/a.ts", a], ["a/b.ts", b]]), new Map([["a/b.ts", b], ["z/a.ts", a]])];
  assertEquals(kernelModules(one), kernelModules(other));
});

Deno.test("declarations that can't be laid out are refused", () => {
  const refused: [string, string][] = [
    [kernel("a", "x: Tensor", "to: Address"), "both Tensor and Address"],
    [kernel("a", "x: Tensor", "shifts: List", "rows: i32"), "what follows it belongs to its last field"],
    [kernel("a", "x: Tensor", "rows: i32 = 1"), "expected lines"],
    [kernel("a", "x: Tensor") + kernel("a", "x: Tensor"), "both export a"],
    [kernel("a", "x: Tensor").replace("a: AArguments", "a: BArguments"), "no @unmanaged class"],
  ];
  for (const [source, message] of refused) {
    assertThrows(() => kernelModules(new Map([["room/file.ts", source]])), Error, message);
  }
});
