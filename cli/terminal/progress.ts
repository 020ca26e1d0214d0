/**
 * A progress bar for what takes long.
 *
 * @module
 */

import process from "node:process";
// @ts-types="./cli_progress.d.ts"
import cliProgress from "npm:cli-progress@3.12.0";

/** How far something is. */
interface Amount {
  readonly loaded: number;
  readonly total: number | undefined;
}

/** How far one file is, and all of them together. */
interface Progress extends Amount {
  readonly stage: string;
  readonly file: string;
  readonly whole?: Amount;
}

/** A bar on stderr for one thing after the other; nothing is shown where stderr is no terminal. */
export class ProgressBar {
  #bar: InstanceType<typeof cliProgress.SingleBar> | undefined;
  #stage: string | undefined;

  /** Shows how far all is; it can be handed on as `onProgress`. */
  readonly show = ({ stage, file, whole, ...own }: Progress): void => {
    const { loaded, total } = whole ?? own;
    if (!process.stderr.isTTY || total === undefined) return;
    const label = `${stage} ${file.replace(/^.*[/\\]/, "")}`;
    if (stage !== this.#stage) {
      this.stop();
      this.#stage = stage;
      this.#bar = new cliProgress.SingleBar({
        format: "{label} {bar} {percentage} %",
        clearOnComplete: true,
        hideCursor: true,
      });
      this.#bar.start(total, 0, { label });
    }
    this.#bar?.setTotal(total);
    this.#bar?.update(loaded, { label });
  };

  /** Takes the bar away. */
  stop(): void {
    this.#bar?.stop();
    this.#bar = undefined;
    this.#stage = undefined;
  }
}
