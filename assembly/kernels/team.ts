import { Team } from "../records/team_layout";

/*
 * Threads over one memory. The first one runs the list. When it reaches a record that is worth sharing, it publishes it
 * in pieces, and every thread that is awake takes one piece after another. The first thread waits for pieces that were
 * taken, never for threads, so a helper that sleeps, or that the system has suspended, delays nobody.
 *
 * If other programs need the processors too, the system may suspend a helper in the middle of a piece, for
 * milliseconds: `../machine/teamwork.ts` finds out whether helpers make lists faster.
 *
 * A thread that waits spins on a word for a while before it goes to sleep. It sleeps in a function of the host, because
 * wasm's own instruction, in code that V8 11 (Node 20) has not optimized yet, sleeps even if the word has changed, and
 * never wakes.
 */

/** Sleeps while a word is `value`, until somebody notifies. */
// @ts-ignore: decorator
@external("env", "sleep")
declare function sleep(address: usize, value: i32): void;

/** Spins for the end of the last pieces before sleeping; a spin takes 0.34 ns, waking 10 to 50 µs. */
const PIECE_SPINS: i32 = 60_000;
/** Spins for the next record before sleeping: the first thread's work alone in between takes less time. */
const COMMAND_SPINS: i32 = 300_000;

/** Publishes a record for all threads. */
export function publish(team: usize, record: usize): void {
  if (ASC_FEATURE_THREADS) {
    store<u32>(team + Team.record, <u32> record);
    atomic.store<i32>(team + Team.done, 0);
    atomic.store<i32>(team + Team.left, load<i32>(team + Team.pieces));
    // Odd, so never 0.
    atomic.store<i32>(team + Team.command, load<i32>(team + Team.command) + 2);
    if (atomic.load<i32>(team + Team.sleepers)) atomic.notify(team + Team.command, -1);
  }
}

/** Takes a piece of the current record; -1 if none are left. The record does not change until the piece is done. */
export function takePiece(team: usize): i32 {
  if (ASC_FEATURE_THREADS) {
    const left = atomic.sub<i32>(team + Team.left, 1);
    if (left > 0) return load<i32>(team + Team.pieces) - left;
  }
  return -1;
}

/** Says that a piece is done. */
export function finishPiece(team: usize): void {
  if (ASC_FEATURE_THREADS) {
    const done = atomic.add<i32>(team + Team.done, 1) + 1;
    if (done == load<i32>(team + Team.pieces) && atomic.load<i32>(team + Team.isAwaited)) {
      atomic.notify(team + Team.done, -1);
    }
  }
}

/** Waits until all pieces are done. Traps if a helper has failed, because its piece will never be done. */
export function awaitPieces(team: usize): void {
  if (ASC_FEATURE_THREADS) {
    const pieces = load<i32>(team + Team.pieces);
    for (let i = 0; i < PIECE_SPINS; i++) {
      if (atomic.load<i32>(team + Team.done) == pieces) return;
    }
    atomic.store<i32>(team + Team.isAwaited, 1);
    for (let done = atomic.load<i32>(team + Team.done); done != pieces; done = atomic.load<i32>(team + Team.done)) {
      if (atomic.load<i32>(team + Team.failed)) unreachable();
      sleep(team + Team.done, done);
    }
    atomic.store<i32>(team + Team.isAwaited, 0);
  }
}

/** Waits for a command that differs from the last one; 0: there will be no more. */
export function awaitCommand(team: usize, last: i32): i32 {
  if (ASC_FEATURE_THREADS) {
    for (let i = 0; i < COMMAND_SPINS; i++) {
      const command = atomic.load<i32>(team + Team.command);
      if (command != last) return command;
    }
    // A sleeper is counted before it reads the word for the last time, so that it misses no command.
    atomic.add<i32>(team + Team.sleepers, 1);
    let command = atomic.load<i32>(team + Team.command);
    for (; command == last; command = atomic.load<i32>(team + Team.command)) {
      sleep(team + Team.command, last);
    }
    atomic.sub<i32>(team + Team.sleepers, 1);
    return command;
  }
  return 0;
}
