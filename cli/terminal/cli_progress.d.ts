/** The part of `cli-progress` that is used here; it has no types of its own. */

/** How a bar looks and behaves. */
export interface BarOptions {
  /** The line, with {bar}, {percentage}, and names of the payload in braces. */
  readonly format: string;
  /** Takes the line away at the end. */
  readonly clearOnComplete?: boolean;
  /** Hides the cursor while the bar is shown. */
  readonly hideCursor?: boolean;
}

/** A bar on stderr, shown only where that is a terminal. */
declare class SingleBar {
  constructor(options: BarOptions);
  start(total: number, value: number, payload: Readonly<Record<string, string>>): void;
  setTotal(total: number): void;
  update(value: number, payload: Readonly<Record<string, string>>): void;
  stop(): void;
}

declare const cliProgress: { readonly SingleBar: typeof SingleBar };
export default cliProgress;
