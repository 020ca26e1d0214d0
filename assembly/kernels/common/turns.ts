import { InTurns, Team } from "../../records/team_layout";

let inTurns: u32 = 0;

/** Whether one row reads several panels of a weight of values in turns: `../linear/linear_row.ts`. */
// @ts-ignore: decorator
@inline
export function valuesInTurns(): bool {
  return (inTurns & InTurns.values) != 0;
}

/** The same of a weight of blocks. */
// @ts-ignore: decorator
@inline
export function blocksInTurns(): bool {
  return (inTurns & InTurns.blocks) != 0;
}

/** Takes the choice that the machine has written for the records of a list. */
// @ts-ignore: decorator
@inline
export function takeReading(team: usize): void {
  inTurns = load<u32>(team + Team.inTurns);
}
