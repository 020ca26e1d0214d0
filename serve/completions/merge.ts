/**
 * Several streams in one.
 *
 * @module
 */

/** What the sources give, in the order in which it comes. An error of one ends all. */
export async function* merge<T>(sources: readonly AsyncGenerator<T>[]): AsyncGenerator<T> {
  const next = (source: AsyncGenerator<T>) => source.next().then((result) => ({ source, result }));
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
    for (const [source, pending] of waiting) {
      pending.catch(() => {}); // The first error was thrown.
      void source.return(undefined).catch(() => {});
    }
  }
}
