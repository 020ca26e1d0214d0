/**
 * Turns of the host's event loop.
 *
 * @module
 */

/**
 * Lets the event loop go round, so that timers fire, requests are answered and pages are drawn. By a timer, because
 * microtasks and immediates let nobody else read or write.
 */
export function eventLoopTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
