/**
 * A progress bar for loading.
 *
 * @module
 */

// @ts-types="./cli_progress.d.ts"
import cliProgress from "npm:cli-progress@3.12.0";
import type { ModelOptions } from "../mod.ts";

/** The argument of `onProgress`. */
type Progress = Parameters<NonNullable<ModelOptions["onProgress"]>>[0];

/** A bar on stderr for the stages of a load; nothing is shown where stderr is no terminal. */
export class LoadingBar {
  #bar: InstanceType<typeof cliProgress.SingleBar> | undefined;
  #stage: string | undefined;

  /** Shows how far a stage is, over all files. */
  show({ stage, file, whole: { loaded, total } }: Progress): void {
    if (!Deno.stderr.isTerminal() || total === undefined) return;
    if (stage !== this.#stage) {
      this.stop();
      this.#stage = stage;
      this.#bar = new cliProgress.SingleBar({
        format: "{file} {bar} {percentage} %",
        clearOnComplete: true,
        hideCursor: true,
      });
      this.#bar.start(total, 0, { file: "" });
    }
    this.#bar?.setTotal(total);
    this.#bar?.update(loaded, { file: file.replace(/^.*[/\\]/, "") });
  }

  /** Takes the bar away. */
  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
    this.#stage = undefined;
  }
}
