/**
 * What a handler counts, in the text format that Prometheus reads.
 *
 * @module
 */

/** Upper bounds of the times that are counted, in seconds. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Values that are looked up when they are asked for. */
export interface Gauges {
  readonly [name: string]: { readonly help: string; readonly value: number };
}

/** How often a time was so long. */
class Histogram {
  readonly #counts = BOUNDS.map(() => 0);
  #count = 0;
  #sum = 0;

  add(seconds: number): void {
    const bucket = BOUNDS.findIndex((bound) => seconds <= bound);
    if (bucket >= 0) this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count += 1;
    this.#sum += seconds;
  }

  lines(name: string): string[] {
    let below = 0;
    const buckets = BOUNDS.map((bound, i) => `${name}_bucket{le="${bound}"} ${below += this.#counts[i] ?? 0}`);
    return [
      ...buckets,
      `${name}_bucket{le="+Inf"} ${this.#count}`,
      `${name}_sum ${this.#sum}`,
      `${name}_count ${this.#count}`,
    ];
  }
}

/** The counters of one handler. */
export class Metrics {
  readonly #requests = new Map<number, number>();
  readonly #toFirstToken = new Histogram();
  readonly #betweenTokens = new Histogram();
  #promptTokens = 0;
  #sharedTokens = 0;
  #madeTokens = 0;

  /** Counts an answer by its status. */
  countRequest(status: number): void {
    this.#requests.set(status, (this.#requests.get(status) ?? 0) + 1);
  }

  /** Counts the tokens of a prompt, of which some needed no computing. */
  countPrompt(tokens: number, shared: number): void {
    this.#promptTokens += tokens;
    this.#sharedTokens += shared;
  }

  /** Counts a token, and the seconds since the one before it, or since the request if it is the first. */
  countToken(seconds: number, isFirst: boolean): void {
    this.#madeTokens += 1;
    (isFirst ? this.#toFirstToken : this.#betweenTokens).add(seconds);
  }

  /** The counters, and some more values, as text. */
  text(gauges: Gauges): string {
    const head = (name: string, type: string, help: string) => [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
    const counter = (name: string, help: string, value: number) => [...head(name, "counter", help), `${name} ${value}`];
    const histogram = (
      name: string,
      help: string,
      values: Histogram,
    ) => [...head(name, "histogram", help), ...values.lines(name)];
    return [
      ...head("andromeda_requests_total", "counter", "Requests by the status of their answer."),
      ...[...this.#requests].map(([status, count]) => `andromeda_requests_total{status="${status}"} ${count}`),
      ...counter("andromeda_prompt_tokens_total", "Tokens of prompts.", this.#promptTokens),
      ...counter(
        "andromeda_shared_prompt_tokens_total",
        "Tokens of prompts that were computed for an earlier text.",
        this.#sharedTokens,
      ),
      ...counter("andromeda_generated_tokens_total", "Tokens that were generated.", this.#madeTokens),
      ...histogram("andromeda_time_to_first_token_seconds", "From the request to its first token.", this.#toFirstToken),
      ...histogram("andromeda_time_per_token_seconds", "From a token to the next one.", this.#betweenTokens),
      ...Object.entries(gauges).flatMap((
        [name, { help, value }],
      ) => [...head(name, "gauge", help), `${name} ${value}`]),
      "",
    ].join("\n");
  }
}
