import { Team } from "../../records/team_layout";

let inTurns: bool = false;

/** Whether one row reads several panels of a weight in turns: `../linear/linear_row.ts`. */
// @ts-ignore: decorator
@inline
export function readsInTurns(): bool {
  return inTurns;
}

/** Takes the choice that the machine has written for the records of a list. */
// @ts-ignore: decorator
@inline
export function takeReading(team: usize): void {
  inTurns = load<u32>(team + Team.readsInTurns) != 0;
}
