/**
 * The script of the workers that tokenize. `deno task build` makes one file of it.
 *
 * @module
 */

import { describe } from "../../../common/show.ts";
import { connectWorker, type WorkerPort } from "../../../host/worker_port.ts";
import { AndromedaTokenizer } from "../../text/tokenizer.ts";
import { TextTokenizer } from "./text_tokenizer.ts";
import type { TextsTask, TokenizerReply, TokenizerTask } from "./worker_messages.ts";

function reply(port: WorkerPort, message: TokenizerReply, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

async function readTokenizer({ tokenizer, config, endToken }: TokenizerTask): Promise<TextTokenizer> {
  const files = { tokenizer: new Uint8Array(tokenizer), config: JSON.parse(config) };
  return new TextTokenizer(await AndromedaTokenizer.load(files), endToken);
}

connectWorker<TokenizerTask | TextsTask>((port) => {
  let tokenizer: TextTokenizer | undefined;
  return async (message) => {
    try {
      if (message.task === "read") {
        tokenizer = await readTokenizer(message);
        reply(port, { kind: "ready" });
      } else if (tokenizer) {
        for (const text of message.texts) tokenizer.add(text);
        const { ids: { buffer: ids }, ends: { buffer: ends }, faults } = tokenizer.take();
        reply(port, { kind: "tokenized", ids, ends, faults }, [ids, ends]);
      }
    } catch (error) {
      reply(port, { kind: "failed", reason: describe(error) });
    }
  };
});
