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

/** A bar on stderr for one file after the other; nothing is shown where stderr is no terminal. */
export class LoadingBar {
  #bar: InstanceType<typeof cliProgress.SingleBar> | undefined;
  #file: string | undefined;

  /** Shows how far a file is. */
  show({ stage, file, loaded, total }: Progress): void {
    if (!Deno.stderr.isTerminal() || total === undefined) return;
    const label = `${stage} ${file}`;
    if (label !== this.#file) {
      this.stop();
      this.#file = label;
      this.#bar = new cliProgress.SingleBar({
        format: "{file} {bar} {percentage} %",
        clearOnComplete: true,
        hideCursor: true,
      });
      this.#bar.start(total, 0, { file: file.replace(/^.*[/\\]/, "") });
    }
    this.#bar?.update(loaded);
  }

  /** Takes the bar away. */
  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
    this.#file = undefined;
  }
}
