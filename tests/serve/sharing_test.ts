/** Texts that share steps: each gets what it would get alone, whatever the others do. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Transformer } from "../../mod.ts";
import { readSettings } from "../../models/generation/settings.ts";
import type { GenerateOptions } from "../../models/generation/options.ts";
import { SharedSteps, type SharedStepsOptions } from "../../serve/scheduling/shared_steps.ts";
import { type TextEvent, TextJob, type TextRequest } from "../../serve/scheduling/text_job.ts";
import { LONGEST_TURN, QueueError, TextQueue } from "../../serve/scheduling/text_queue.ts";
import { cached, gpuFor, text, withModel } from "../generation/models.ts";
import { engineTest } from "../support/engines.ts";

/** A prompt and how it is continued. */
interface Asked {
  readonly prompt: number[];
  readonly options: GenerateOptions;
}

/** Queues texts on a model, and frees everything. */
async function withQueue(
  model: Transformer,
  options: Partial<SharedStepsOptions>,
  run: (submit: (asked: Asked) => TextJob, queue: TextQueue, steps: SharedSteps) => Promise<void>,
): Promise<void> {
  const { maxSeqLen } = model.net;
  const steps = new SharedSteps(model, { maxConcurrent: 4, contextLength: maxSeqLen, cacheDtype: "f32", ...options });
  const queue = new TextQueue(steps, { maxQueue: 64, maxWait: 10_000 });
  try {
    await run(
      ({ prompt, options }) => {
        const settings = readSettings(model, { ...options, overflow: "stop" });
        const request: TextRequest = { prompt, settings, logprobs: undefined, scoresPrompt: false };
        return queue.submit([request])[0]!;
      },
      queue,
      steps,
    );
  } finally {
    queue.dispose(new Error("the test is over"));
  }
}

/** The tokens among what happens to a text. */
async function tokensIn(events: AsyncIterable<TextEvent>): Promise<number[]> {
  const tokens: number[] = [];
  for await (const event of events) if (event.kind === "token") tokens.push(event.token);
  return tokens;
}

/** The tokens that continue a text. */
function tokensOf(job: TextJob): Promise<number[]> {
  return tokensIn(job.events());
}

/** Prompts of all lengths, some of which begin alike, greedy and drawn. */
function manyTexts(count: number): Asked[] {
  return Array.from({ length: count }, (_, i) => {
    const own = text(1 + (i * 7) % 20, 50, i);
    const prompt = i % 3 === 0 ? own : [...text(18, 50, 99), ...own.slice(0, 1 + i % 5)];
    const maxNewTokens = 1 + (i * 5) % 14;
    const drawn = { temperature: 0.9, topK: 8, seed: i, repetitionPenalty: 1.1, frequencyPenalty: 0.2 };
    return { prompt, options: i % 2 === 0 ? { maxNewTokens, temperature: 0 } : { maxNewTokens, ...drawn } };
  });
}

/** Variants whose caches can be shared. */
const sharable = Object.entries(cached).filter(([, { shiftTokens = 0 }]) => shiftTokens === 0);

for (const [name, config] of sharable) {
  engineTest(`texts in company get what they get alone: ${name}`, async (backend) => {
    await withModel(backend, config, async (model) => {
      const texts = manyTexts(13);
      const alone: number[][] = [];
      for (const { prompt, options } of texts) alone.push(await Array.fromAsync(model.generate(prompt, options)));
      await withQueue(model, {}, async (submit) => {
        const jobs: Promise<number[]>[] = [];
        for (const [i, each] of texts.entries()) {
          jobs.push(tokensOf(submit(each)));
          // Some come while others are written.
          if (i % 4 === 3) await new Promise((resolve) => setTimeout(resolve, 2));
        }
        assertEquals(await Promise.all(jobs), alone);
      });
    });
  }, gpuFor(name));
}

for (const cacheDtype of ["f16", "q8_0"] as const) {
  engineTest(`texts share a cache in ${cacheDtype}`, async (backend) => {
    await withModel(backend, { alibiPosBias: true, attnKvHeads: 2 }, async (model) => {
      const texts = manyTexts(6);
      const alone: number[][] = [];
      for (const { prompt, options } of texts) {
        alone.push(await Array.fromAsync(model.generate(prompt, { ...options, cacheDtype })));
      }
      await withQueue(model, { cacheDtype }, async (submit) => {
        assertEquals(await Promise.all(texts.map((each) => tokensOf(submit(each)))), alone);
      });
    });
  }, "slow");
}

Deno.test("prompts longer than a step are read in parts between the tokens of others", async () => {
  const { WasmBackend } = await import("../../assembly/backend.ts");
  const backend = await WasmBackend.create();
  await withModel(backend, { rotaryPosEmb: true, maxSeqLen: 1200 }, async (model) => {
    const options = { maxNewTokens: 40, temperature: 0 };
    const [short, long] = [{ prompt: text(5), options }, {
      prompt: text(1000, 50, 3),
      options: { ...options, maxNewTokens: 5 },
    }];
    const alone = await Promise.all(
      [short, long].map(({ prompt, options }) => Array.fromAsync(model.generate(prompt, options))),
    );
    await withQueue(model, {}, async (submit) => {
      const order: string[] = [];
      const follow = async (name: string, job: TextJob) => {
        const tokens: number[] = [];
        for await (const event of job.events()) {
          if (event.kind !== "token") continue;
          order.push(name);
          tokens.push(event.token);
        }
        return tokens;
      };
      const first = follow("short", submit(short));
      const second = follow("long", submit(long));
      assertEquals(await Promise.all([first, second]), alone);
      const before = order.indexOf("long");
      assert(before >= 3, `${before} tokens of the short text came while the long prompt was read in four parts`);
      assert(before < 20, `the long prompt's first token came after ${before} of the short text`);
    });
  });
  backend.dispose();
});

engineTest("what texts begin with in common is computed once, also for texts that come together", async (backend) => {
  await withModel(backend, { alibiPosBias: true }, async (model) => {
    const system = text(24, 50, 5);
    const texts = [1, 2, 3, 4, 5, 6].map((i) => ({
      prompt: [...system, ...text(4, 50, i)],
      options: { maxNewTokens: 6, temperature: 0 },
    }));
    const alone: number[][] = [];
    for (const { prompt, options } of texts) alone.push(await Array.fromAsync(model.generate(prompt, options)));
    await withQueue(model, {}, async (submit) => {
      const jobs = texts.map((each) => submit(each));
      assertEquals(await Promise.all(jobs.map(tokensOf)), alone);
      assertEquals(jobs[0]!.sharedTokens, 0);
      for (const job of jobs.slice(1)) assert(job.sharedTokens >= 24, `${job.sharedTokens} tokens were shared`);
      const again = submit(texts[2]!);
      assertEquals(await tokensOf(again), alone[2]);
      assertEquals(again.sharedTokens, 27, "all but the last token of a text that was written before");
    });
  });
});

engineTest("a text that leaves makes room, and changes nothing for the others", async (backend) => {
  await withModel(backend, { alibiPosBias: true }, async (model) => {
    const long = { prompt: text(4), options: { maxNewTokens: 30, temperature: 0 } };
    const other = { prompt: text(6, 50, 2), options: { maxNewTokens: 20, temperature: 0 } };
    const alone = await Array.fromAsync(model.generate(other.prompt, other.options));
    await withQueue(model, { maxConcurrent: 2 }, async (submit, queue) => {
      const leaving = new AbortController();
      const left = submit(long);
      const follow = async () => {
        for await (const _event of queue.follow(left, leaving.signal)) {
          if (left.made > 3) leaving.abort(new Error("gone"));
        }
      };
      const stays = tokensOf(submit(other));
      const waits = tokensOf(submit(other));
      await assertRejects(follow, Error, "gone");
      assertEquals([await stays, await waits], [alone, alone]);
      assertEquals([queue.running, queue.waiting], [0, 0]);
    });
  });
});

engineTest("a step that fails ends its texts, and the others are computed anew", async (backend) => {
  await withModel(backend, { alibiPosBias: true }, async (model) => {
    const texts = manyTexts(4);
    const alone: number[][] = [];
    for (const { prompt, options } of texts) alone.push(await Array.fromAsync(model.generate(prompt, options)));
    const before = backend.memory();
    const { net } = model;
    const step = net.step.bind(net);
    let calls = 0;
    await withQueue(model, {}, async (submit) => {
      net.step = (...args) => {
        calls += 1;
        if (calls === 2) throw new Error("a fault in the engine");
        return step(...args);
      };
      const results = await Promise.allSettled(texts.map((each) => tokensOf(submit(each))));
      const failed = results.filter(({ status }) => status === "rejected");
      assert(failed.length >= 1 && failed.length < 4, `${failed.length} failed`);
      for (const [i, result] of results.entries()) {
        if (result.status === "fulfilled") assertEquals(result.value, alone[i]);
      }
      assertEquals(await tokensOf(submit(texts[3]!)), alone[3]);
    });
    net.step = step;
    assertEquals(backend.memory().tensors, before.tensors);
  });
});

engineTest("a turn that was under way at a reset has no part in the texts that come after", async (backend) => {
  await withModel(backend, { alibiPosBias: true }, async (model) => {
    const options = { maxNewTokens: 8, temperature: 0 };
    const settings = readSettings(model, { ...options, overflow: "stop" });
    const jobOf = (seed: number) =>
      new TextJob({ prompt: text(6, 50, seed), settings, logprobs: undefined, scoresPrompt: false });
    const steps = new SharedSteps(model, { maxConcurrent: 1, contextLength: 40, cacheDtype: "f32" });
    const [lost, next] = [jobOf(1), jobOf(2)];
    steps.admit(lost);
    const turn = steps.turn();
    steps.reset(new Error("lost"));
    steps.admit(next);
    await turn;
    while (!next.isOver) await steps.turn();
    await assertRejects(async () => await tokensOf(lost), Error, "lost");
    assertEquals(await tokensOf(next), await Array.fromAsync(model.generate(text(6, 50, 2), options)));
    steps.dispose(new Error("the test is over"));
  });
});

/** Runs with a clock of the test's own, on which `pass` lets milliseconds pass and all intervals fire. */
async function withClock(run: (pass: (milliseconds: number) => void) => Promise<void>): Promise<void> {
  const { setInterval } = globalThis;
  const { now } = performance;
  const intervals: (() => void)[] = [];
  let time = 0;
  performance.now = () => time;
  Object.assign(globalThis, { setInterval: (fire: () => void) => void intervals.push(fire) });
  try {
    await run((milliseconds) => {
      time += milliseconds;
      for (const fire of intervals) fire();
    });
  } finally {
    performance.now = now;
    globalThis.setInterval = setInterval;
  }
}

for (const finder of ["waits", "comes"]) {
  engineTest(`a turn that the host ended is lost after two minutes: a text that ${finder} goes on`, async (backend) => {
    await withModel(backend, { alibiPosBias: true }, async (model) => {
      const asked = (seed: number) => ({ prompt: text(6, 50, seed), options: { maxNewTokens: 8, temperature: 0 } });
      const alone = await Array.fromAsync(model.generate(asked(2).prompt, asked(2).options));
      await withQueue(model, { maxConcurrent: 1 }, async (submit, queue, steps) => {
        await withClock(async (pass) => {
          const [ended, resumed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
          const turn = steps.turn.bind(steps);
          steps.turn = async () => {
            steps.turn = turn;
            await turn();
            ended.resolve();
            await resumed.promise;
          };
          const job = submit(asked(1));
          const lost = assertRejects(() => tokensOf(job), QueueError, "the host has ended what was writing it");
          const waiting = submit(asked(2));
          const written = [
            finder === "waits" ? tokensIn(queue.follow(waiting, new AbortController().signal)) : tokensOf(waiting),
          ];
          const find = () => {
            if (finder === "comes") written.push(tokensOf(submit(asked(2))));
          };
          await ended.promise;
          pass(LONGEST_TURN - 1);
          find();
          assertEquals([job.isOver, queue.running, queue.waiting], [false, 1, written.length]);
          pass(1);
          find();
          assertEquals((await lost).reason, "lost");
          // What was lost touches nothing if it goes on after all.
          resumed.resolve();
          for (const tokens of written) assertEquals(await tokens, alone);
          await queue.idle();
          assertEquals([queue.running, queue.waiting], [0, 0]);
          assertEquals(await tokensOf(submit(asked(2))), alone);
        });
      });
    });
  });
}
