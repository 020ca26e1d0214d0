/** Completion of command lines, in shells. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { ROOT } from "../support/deno.ts";
import { andromeda, assertFails } from "./andromeda.ts";

const SHELLS = ["bash", "zsh", "fish"];

const COMMANDS = [
  "bench",
  "completion",
  "dataset",
  "eval",
  "generate",
  "help",
  "inspect",
  "quantize",
  "selftest",
  "serve",
];

Deno.test("there are completions for bash, zsh and fish", async () => {
  for (const shell of SHELLS) {
    const { code, stdout, stderr } = await andromeda("completion", shell);
    assertEquals([code, stderr], [0, ""]);
    assertStringIncludes(stdout, "andromeda");
  }
  await assertFails(["completion", "tcsh"], 2, "tcsh", ...SHELLS);
  await assertFails(["completion"], 2, "shell");
});

Deno.test("commands, flags and their values are suggested, with a line that says what each is", async () => {
  const suggest = async (...words: string[]) => {
    const { code, stdout } = await andromeda("complete", "--", ...words);
    assertEquals(code, 0);
    return stdout.trimEnd().split("\n").slice(0, -1);
  };
  const commands = await suggest("");
  assertEquals(commands.map((line) => line.split("\t")[0]).sort(), COMMANDS);
  assertEquals(await suggest("gen"), ["generate\tContinue a text"]);
  assertEquals((await suggest("generate", "--max")).map((line) => line.split("\t")[0]), ["--max-new-tokens"]);
  assertEquals((await suggest("generate", "--backend", "")).map((line) => line.trim()), ["auto", "wasm", "webgpu"]);
  assertEquals((await suggest("inspect", "examples/shakespeare/tok")).map((line) => line.trim()), [
    "examples/shakespeare/tokenizer.json",
    "examples/shakespeare/tokenizer_config.json",
  ]);
  const folder = (await suggest("generate", "--model", "examples/sha")).map((line) => line.trim());
  assertEquals([folder[0], folder.includes("examples/shakespeare/config.json")], ["examples/shakespeare/", true]);
});

/** Completes `andromeda gen` in bash, with its script and the program itself, and a function of bash-completion. */
const IN_BASH = `
PATH="$1:$PATH"
_get_comp_words_by_ref() { cur=gen prev=andromeda words=(andromeda gen) cword=1; }
source <(andromeda completion bash)
$(complete -p andromeda | grep -o '__[a-z_]*')
echo "\${COMPREPLY[@]}"
`;

/** The same at a terminal of zsh, with the key that completes. */
const IN_ZSH = `
PATH="$1:$PATH"
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'autoload -Uz compinit && compinit -u -D; source <(andromeda completion zsh); echo rea""dy'
zpty -r shell output '*ready*'
zpty -w -n shell $'andromeda gen\t'
zpty -r shell output '*andromeda generate*'
print generate
`;

/** And in fish, which says what it would suggest. */
const IN_FISH = `
set PATH $argv[1] $PATH
andromeda completion fish | source
complete -C "andromeda gen" | string split -f1 \\t
`;

/** Milliseconds that a shell may take. */
const PATIENCE = 30_000;

const IN_SHELLS = {
  bash: (folder: string) => ["--norc", "-c", IN_BASH, "bash", folder],
  zsh: (folder: string) => ["-f", "-c", IN_ZSH, "zsh", folder],
  fish: (folder: string) => ["--no-config", "-c", IN_FISH, folder],
};

for (const [shell, argsFor] of Object.entries(IN_SHELLS)) {
  const version = new Deno.Command(shell, { args: ["--version"], stdout: "null", stderr: "null" });
  const isThere = await version.output().then(({ success }) => success, () => false);
  Deno.test({
    name: `${shell} completes a command's name${isThere ? "" : ` (needs ${shell})`}`,
    ignore: !isThere,
    fn: async () => {
      const folder = await Deno.makeTempDir();
      try {
        const program = `#!/bin/sh\nexec "${Deno.execPath()}" run -A "${fromFileUrl(ROOT)}cli/main.ts" "$@"\n`;
        await Deno.writeTextFile(`${folder}/andromeda`, program, { mode: 0o755 });
        const signal = AbortSignal.timeout(PATIENCE);
        const { stdout, stderr } = await new Deno.Command(shell, { args: argsFor(folder), signal }).output();
        const [found, faults] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
        assert(/^generate\s*$/.test(found ?? ""), `${found}${faults}`);
      } finally {
        await Deno.remove(folder, { recursive: true });
      }
    },
  });
}
