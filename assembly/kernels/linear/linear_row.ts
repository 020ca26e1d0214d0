import { PANEL } from "../../records/constants";
import { ActivationId } from "../../records/kernel_id";
import { shareStart } from "../common/split";
import { activateValues } from "../elementwise/activation";
import { addPanel } from "../formats/formats";
import { panelBytes, panelCount } from "../weights/panels";
import { biasAt, LinearArguments } from "./linear_arguments";

/** `linear` of a single row: each panel is one stream through the weight, 32 sums in 8 registers. */
export function linearRow(a: LinearArguments, scratch: usize, thread: i32, threads: i32): void {
  const inSize = a.inSize, outSize = a.outSize, format = a.format;
  const panels = panelCount(outSize);
  const bytes = panelBytes(inSize, format);
  const to = shareStart(panels, thread + 1, threads);
  for (let panel = shareStart(panels, thread, threads); panel < to; panel++) {
    const columns = min(PANEL, outSize - panel * PANEL);
    const target = a.out + (<usize> panel * PANEL << 2);
    // A panel that sticks out of the result is summed in scratch memory.
    const sums = columns < PANEL ? scratch : target;
    if (a.bias) memory.copy(sums, biasAt(a, panel * PANEL), <usize> columns << 2);
    else memory.fill(sums, 0, <usize> columns << 2);
    addPanel(a.weight + panel * bytes, a.x, inSize, sums, format);
    if (a.activation != ActivationId.none) activateValues(sums, sums, columns, a.activation);
    if (sums != target) memory.copy(target, sums, <usize> columns << 2);
  }
}
