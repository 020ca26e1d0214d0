/**
 * A progress bar for what takes long.
 *
 * @module
 */

import process from "node:process";
// @ts-types="./cli_progress.d.ts"
import cliProgress from "npm:cli-progress@3.12.0";

/** How far something is. */
interface Progress {
  readonly stage: string;
  readonly file: string;
  readonly loaded: number;
  readonly total: number | undefined;
}

/** A bar on stderr for one thing after the other; nothing is shown where stderr is no terminal. */
export class ProgressBar {
  #bar: InstanceType<typeof cliProgress.SingleBar> | undefined;
  #label: string | undefined;

  /** Shows how far a file is; it can be handed on as `onProgress`. */
  readonly show = ({ stage, file, loaded, total }: Progress): void => {
    if (!process.stderr.isTTY || total === undefined) return;
    const label = `${stage} ${file.replace(/^.*[/\\]/, "")}`;
    if (label !== this.#label) {
      this.stop();
      this.#label = label;
      this.#bar = new cliProgress.SingleBar({
        format: "{label} {bar} {percentage} %",
        clearOnComplete: true,
        hideCursor: true,
      });
      this.#bar.start(total, 0, { label });
    }
    this.#bar?.update(loaded);
  };

  /** Takes the bar away. */
  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
    this.#label = undefined;
  }
}
