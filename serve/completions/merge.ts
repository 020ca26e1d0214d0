/**
 * Several streams in one.
 *
 * @module
 */

/** What the sources give, in the order in which it comes. An error of one ends all. */
export async function* merge<T>(sources: readonly AsyncGenerator<T>[]): AsyncGenerator<T> {
  const next = (source: AsyncGenerator<T>) => {
    const pending = source.next().then((result) => ({ source, result }));
    // It may fail while nobody asks for the next value, and would end the process; who asks meets the error.
    pending.catch(() => {});
    return pending;
  };
  const waiting = new Map(sources.map((source) => [source, next(source)]));
  try {
    while (waiting.size > 0) {
      const { source, result } = await Promise.race(waiting.values());
      if (result.done) {
        waiting.delete(source);
        continue;
      }
      waiting.set(source, next(source));
      yield result.value;
    }
  } finally {
    for (const source of waiting.keys()) void source.return(undefined).catch(() => {});
  }
}
