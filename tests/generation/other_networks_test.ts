/** A network of another kind is continued as a transformer is: by its interface alone, with a cache and without. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { ConfigError, WeightsError } from "../../mod.ts";
import { engineTest } from "../support/engines.ts";
import { LeakySum } from "./leaky_sum.ts";
import { text, withModel } from "./models.ts";

const options = { maxNewTokens: 12, temperature: 0 };

for (const canCache of [true, false]) {
  const how = canCache ? "with a state" : "without one";

  engineTest(`a recurrent network ${how} gives the tokens that are computed by hand`, async (backend) => {
    const before = backend.memory().tensors;
    const model = await LeakySum.create(backend, canCache);
    const prompts = [text(3), text(9), text(1), text(300)];
    const right = await Promise.all(prompts.map((prompt) => model.continuation(prompt, 12)));
    for (const [i, prompt] of prompts.entries()) {
      assertEquals(await Array.fromAsync(model.generate(prompt, options)), right[i]);
    }
    assertEquals(await model.generateBatch(prompts, options), right);
    const stopTokens = [right[0]![2]!];
    const stopped = await model.generateBatch(prompts, { ...options, stopTokens });
    assertEquals(stopped, right.map((row) => row.slice(0, row.indexOf(stopTokens[0]!) + 1 || row.length)));
    assertEquals(backend.memory().tensors, before + 1);
    model.dispose();
  });

  engineTest(`a session of a recurrent network ${how}`, async (backend) => {
    const model = await LeakySum.create(backend, canCache);
    await model.warmUp();
    const session = model.session().append(text(5));
    const first = await Array.fromAsync(session.generate(options));
    assertEquals(first, await model.continuation(text(5), 12));
    const fork = session.fork();
    session.append([7, 7]);
    const second = await Array.fromAsync(session.generate(options));
    assertEquals(second, await model.continuation([...text(5), ...first, 7, 7], 12));
    session.rewind(8);
    const third = await Array.fromAsync(session.generate(options));
    assertEquals(third, await model.continuation([...text(5), ...first].slice(0, 8), 12));
    const forked = await Array.fromAsync(fork.generate(options));
    assertEquals(forked, await model.continuation([...text(5), ...first], 12));
    session.dispose();
    fork.dispose();
    assertEquals(backend.memory().tensors, 1);
    model.dispose();
  });
}

engineTest("a recurrent network guides itself, and drafts for a transformer", async (backend) => {
  const model = await LeakySum.create(backend, true);
  const guided = { ...options, guidanceScale: 1.5, negativePrompt: [3] };
  const uncached = await LeakySum.create(backend, false);
  assertEquals(
    await Array.fromAsync(model.generate(text(4), guided)),
    await Array.fromAsync(uncached.generate(text(4), guided)),
  );
  await assertRejects(() => uncached.generate([1], { draft: model }).next(), ConfigError, "cache");
  let told = 0;
  const drafted = { ...options, draft: model, gamma: 3, onDraft: () => void told++ };
  assertEquals(await Array.fromAsync(model.generate(text(4), drafted)), await model.continuation(text(4), 12));
  await withModel(backend, { alibiPosBias: true }, async (transformer) => {
    const alone = await Array.fromAsync(transformer.generate(text(4), options));
    assertEquals(await Array.fromAsync(transformer.generate(text(4), drafted)), alone);
    const back = { ...drafted, draft: transformer };
    assertEquals(await Array.fromAsync(model.generate(text(4), back)), await model.continuation(text(4), 12));
  });
  assert(told > 3);
  uncached.dispose();
  model.dispose();
});

engineTest("what isn't finite in a recurrent network is found", async (backend) => {
  const model = await LeakySum.create(backend, true);
  model.net.table.write(new Float32Array(50 * 8).fill(NaN));
  await assertRejects(() => model.generate([1]).next(), WeightsError, "come out of to_logits");
  model.dispose();
});
