import { Team } from "../records/team_layout";

/*
 * Threads over one memory. The first one runs the list; when it comes to a record that is worth sharing, it puts it up in pieces, and
 * whoever is awake takes one piece after another. It waits for pieces that were taken, never for threads: a helper that sleeps, or
 * that the system has put aside, holds nobody up.
 *
 * Where others want the processors too, a helper may be put aside in the middle of a piece, for milliseconds: `../teamwork.ts` finds out
 * whether helpers bring anything.
 *
 * Who waits looks at a word for a while before going to sleep. Sleeping is done outside: wasm's own instruction, in code that V8 11
 * (Node 20) has not optimized yet, sleeps even where the word is no longer what it was, and never wakes.
 */

/** Sleeps while a word is `value`, until somebody notifies. */
// @ts-ignore: decorator
@external("env", "sleep")
declare function sleep(address: usize, value: i32): void;

/** Looks for the end of the last pieces before sleeping; a look takes 0.34 ns, waking 10 to 50 µs. */
const PIECE_LOOKS: i32 = 60_000;
/** Looks for the next record before sleeping: what the first thread does alone in between takes less. */
const COMMAND_LOOKS: i32 = 300_000;

/** Puts a record up for everybody. */
export function putUp(team: usize, record: usize): void {
  if (ASC_FEATURE_THREADS) {
    store<u32>(team + Team.record, <u32> record);
    atomic.store<i32>(team + Team.done, 0);
    atomic.store<i32>(team + Team.left, load<i32>(team + Team.pieces));
    // Odd, so never 0.
    atomic.store<i32>(team + Team.command, load<i32>(team + Team.command) + 2);
    if (atomic.load<i32>(team + Team.sleepers)) atomic.notify(team + Team.command, -1);
  }
}

/** Takes a piece of the current record; -1 if none are left. Until it is done the record stays what it is. */
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

/** Waits until all pieces are done. Traps when a helper has failed, whose piece never will be. */
export function awaitPieces(team: usize): void {
  if (ASC_FEATURE_THREADS) {
    const pieces = load<i32>(team + Team.pieces);
    for (let i = 0; i < PIECE_LOOKS; i++) {
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

/** Waits for another command than the last one; 0: there will be no more. */
export function awaitCommand(team: usize, last: i32): i32 {
  if (ASC_FEATURE_THREADS) {
    for (let i = 0; i < COMMAND_LOOKS; i++) {
      const command = atomic.load<i32>(team + Team.command);
      if (command != last) return command;
    }
    // A sleeper is counted before it looks for the last time, so that no command escapes it.
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
