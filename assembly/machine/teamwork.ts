/**
 * Whether the helpers take part in a list. If other programs need the processors too, two threads may take longer than
 * one, because the first waits for pieces of a helper that the system has suspended.
 *
 * @module
 */

/**
 * Lists of a trial, which are run the other way. The first of them wakes the helpers, or lets them fall asleep, and is
 * not counted.
 */
const TRIAL = 5;
/** Lists between trials: twice as many after each trial that has changed nothing, up to the most. */
const FEWEST_BETWEEN = 64;
const MOST_BETWEEN = 256;
/** A trial ends at once if its lists cost so many times the usual. */
const CLEARLY_WORSE = 1.5;
/** Weight of the newest list in the mean. */
const NEWEST = 0.2;
/** The other way is taken if it costs at most this share of the usual. */
const WORTH_CHANGING = 0.95;
/** Lists with more work, about half a second, are always shared because they are too long for a trial. */
const MOST_WORK = 2 ** 30;

/**
 * Chooses for each list between all threads and the first one alone, by the time that lists of similar work have taken.
 */
export class Teamwork {
  /** By the logarithm of the lists' work. */
  readonly #choices = new Map<number, Choice>();

  /**
   * Runs a list.
   *
   * @param work How much of it can be shared, as `work.ts` counts it.
   */
  run(work: number, run: (isTogether: boolean) => void): void {
    if (work === 0 || work > MOST_WORK) return run(work > 0);
    const size = Math.floor(Math.log2(work));
    const choice = this.#choices.get(size) ?? new Choice();
    this.#choices.set(size, choice);
    const start = performance.now();
    run(choice.isTogether);
    choice.learn((performance.now() - start) / work);
  }
}

/** The choice for lists of one size. */
class Choice {
  /** Whether the next list is run by all threads. */
  isTogether = true;
  /** Mean cost of the usual way. */
  #usual: number | undefined;
  /** Costs of the trial. */
  #tried = 0;
  #between = FEWEST_BETWEEN;
  /** Lists left until a trial begins, or of the trial. */
  #left = FEWEST_BETWEEN;
  #isTrial = false;

  /** @param cost Time for a unit of work. */
  learn(cost: number): void {
    if (!this.#isTrial) this.#usual = this.#usual === undefined ? cost : this.#usual + NEWEST * (cost - this.#usual);
    else if (this.#left < TRIAL) this.#tried += cost;
    this.#left -= 1;
    if (this.#left > 0 && !this.#isClearlyWorse) return;
    if (this.#isTrial) this.#conclude();
    this.#isTrial = !this.#isTrial;
    this.#left = this.#isTrial ? TRIAL : this.#between;
    if (this.#isTrial) this.isTogether = !this.isTogether;
  }

  get #isClearlyWorse(): boolean {
    const counted = this.#isTrial ? TRIAL - 1 - this.#left : 0;
    return counted > 0 && this.#usual !== undefined && this.#tried > CLEARLY_WORSE * counted * this.#usual;
  }

  /** Keeps the way of the trial if it was better, else returns to the usual one. */
  #conclude(): void {
    const tried = this.#tried / (TRIAL - 1 - this.#left);
    this.#tried = 0;
    if (this.#usual !== undefined && tried > WORTH_CHANGING * this.#usual) {
      this.isTogether = !this.isTogether;
      this.#between = Math.min(2 * this.#between, MOST_BETWEEN);
    } else {
      this.#usual = tried;
      this.#between = FEWEST_BETWEEN;
    }
  }
}
