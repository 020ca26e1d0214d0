/** Files of other kinds in place of safetensors and JSON are called what they are. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { WeightsError } from "../../errors.ts";
import { HostTensor } from "../../models/weights/host_tensor.ts";
import { openSafetensors, readSafetensors } from "../../models/weights/safetensors/read.ts";
import { writeSafetensors } from "../../models/weights/safetensors/write.ts";
import { openModel } from "../../models/weights/source.ts";
import { pythonTest, runPython } from "../support/python.ts";
import { counting, streamOf } from "./checkpoints.ts";

/** A file from its characters, one for each byte. */
function bytesOf(characters: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(characters, (character) => character.charCodeAt(0));
}

const web = "look at the address";
const others: readonly (readonly [what: string, characters: string, advice: string])[] = [
  ["it is empty", "", "again"],
  ["nothing but zeros", "\0".repeat(1000), "again"],
  ["a web page (HTML)", "<!DOCTYPE html><html><body>Sign in</body></html>", web],
  ["a web page (HTML)", "\xef\xbb\xbf\n <HTML lang=en>" + " ".repeat(1000), web],
  ["XML", '<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', web],
  ["a pointer of Git LFS", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1\n", "git lfs pull"],
  ["it is JSON", '{"error":"Repository not found"}', "a server may have answered"],
  ["it is JSON", '[\n  {"id": 1}\n]', "a server may have answered"],
  ["an index of safetensors files", '{\n  "metadata": {"total_size": 3},\n  "weight_map": {', '".index.json"'],
  ["a GGUF file", "GGUF\x03\0\0\0\x01\0\0\0\0\0\0\0", "use the model's safetensors"],
  ["a GGML file", "tjgg\x01\0\0\0\0\0\0\0", "use the model's safetensors"],
  ["an ONNX model", "\x08\x07\x12\x07pytorch\x1a\x052.1.0", "exported from"],
  ["an HDF5 file", "\x89HDF\r\n\x1a\n\0\0\0\0", "use the model's safetensors"],
  ["a TensorFlow Lite model", "\x1c\0\0\0TFL3\x14\0\x20\0", "exported from"],
  ["it is compressed", "\x1f\x8b\x08\0\0\0\0\0\0\x03abc", "unpack"],
  ["it is compressed", "\x28\xb5\x2f\xfd\x04\x58\0\0abc", "unpack"],
  ["a tar archive", "model.bin".padEnd(257, "\0") + "ustar\x0000", "unpack"],
  ["a zip archive", "PK\x03\x04\x14\0\0\0\x08\0" + "\0".repeat(16) + "\x05\0\0\0a.txt", "unpack"],
  ["a text", "Entry not found", web],
];

Deno.test("another kind of file in place of weights is called what it is, with what to do", async () => {
  for (const [what, characters, advice] of others) {
    const bytes = bytesOf(characters);
    const weights = [bytes, new Blob([bytes]), new Response(bytes), streamOf(bytes).stream];
    for (const source of weights) {
      const { message } = await assertRejects(() => openModel({ config: {}, weights: source }), WeightsError);
      assert(message.includes(what) && message.includes(advice), `${JSON.stringify(characters)}: ${message}`);
      assert(!message.includes("not a valid"), message);
    }
  }
});

Deno.test("a file of weights is not taken for anything else", async () => {
  // Lengths of headers whose bytes are the beginnings of other files.
  for (const length of [0x7b, 0x22, 0x3c, 0x088b1f, 0x0480]) {
    const bytes = new Uint8Array(length + 12).fill(0x20);
    new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
    bytes.set(bytesOf('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'.slice(0, length)), 8);
    if (length > 60) assertEquals((await readSafetensors(bytes)).size, 1);
    await assertRejects(
      () => readSafetensors(bytes.subarray(0, -1)),
      WeightsError,
      "as safetensors: its header",
    );
  }
});

Deno.test("another kind of file in place of a configuration or an index is called what it is", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const refused = async (file: string, content: string, says: string) => {
      await Deno.writeTextFile(`${folder}/${file}`, content);
      await assertRejects(() => openModel(folder), WeightsError, says);
    };
    await Deno.writeFile(`${folder}/model.safetensors`, writeSafetensors([["a", HostTensor.from(counting(2), [2])]]));
    await refused("config.json", "<html><body>Sign in</body></html>", "config.json as JSON: it is a web page");
    await refused("config.json", "", "config.json as JSON: it is empty");
    await refused("config.json", "version https://git-lfs.github.com/spec/v1\n", "git lfs pull");
    await refused("config.json", '{"dim": 32', "config.json: it is not JSON");
    await refused("config.json", '{"dim": NaN}', "config.json: it is not JSON");
    await refused(
      "config.json",
      `${"[".repeat(100_000)}${"]".repeat(100_000)}`,
      "config.json: it is not a JSON object",
    );
    await Deno.writeTextFile(`${folder}/config.json`, '\ufeff{"dim": 32}');
    const { config, weights } = await openModel(folder);
    await weights.close();
    assertEquals(config, { dim: 32 });
    await Deno.remove(`${folder}/model.safetensors`);
    await refused("model.safetensors.index.json", "<html></html>", "index.json as JSON: it is a web page");
    await Deno.remove(`${folder}/model.safetensors.index.json`);
    await refused("pytorch_model.bin", "", "there is pytorch_model.bin; convert it with Python");
    await Deno.remove(`${folder}/pytorch_model.bin`);
    await refused("adapter_model.safetensors", "", "there is adapter_model.safetensors; merge");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

pythonTest("files that PyTorch, NumPy and Python write are called what they are", ["torch", "numpy"], async () => {
  const folder = await Deno.makeTempDir();
  try {
    const script = `
import gzip, pickle, sys, tarfile, torch, numpy
folder = sys.argv[1] + "/"
state = {"a": torch.zeros(3)}
torch.save(state, folder + "zip.bin")
torch.save(state, folder + "legacy.bin", _use_new_zipfile_serialization=False)
numpy.save(folder + "one.npy", numpy.zeros(3))
numpy.savez(folder + "many.npz", a=numpy.zeros(3))
numpy.savez_compressed(folder + "compressed.npz", a=numpy.zeros(3))
for protocol in (2, 3, 4, 5):
    with open(folder + f"{protocol}.pkl", "wb") as file:
        pickle.dump({"a": [1, 2]}, file, protocol)
with gzip.open(folder + "zip.gz", "wb") as file:
    file.write(b"values")
with tarfile.open(folder + "all.tar", "w") as file:
    file.add(folder + "zip.bin", "zip.bin")
print("null")`;
    await runPython(script, [folder]);
    const kinds = {
      "zip.bin": "a PyTorch checkpoint",
      "legacy.bin": "a Python pickle, as of a PyTorch checkpoint",
      "one.npy": "a NumPy array",
      "many.npz": "an archive of NumPy arrays",
      "compressed.npz": "an archive of NumPy arrays",
      "2.pkl": "a Python pickle",
      "3.pkl": "a Python pickle",
      "4.pkl": "a Python pickle",
      "5.pkl": "a Python pickle",
      "zip.gz": "compressed",
      "all.tar": "a tar archive",
    };
    for (const [file, what] of Object.entries(kinds)) {
      await assertRejects(() => openSafetensors(`${folder}/${file}`), WeightsError, what, file);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
