/**
 * Numbers as people read them.
 *
 * @module
 */

const UNITS = ["KB", "MB", "GB", "TB"] as const;

/** Bytes, in the unit that gives the shortest number; a KB has 1000. */
export function showBytes(bytes: number): string {
  let [value, shown] = [bytes, `${bytes} bytes`];
  for (const unit of UNITS) {
    if (value < 1000) break;
    value /= 1000;
    shown = `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ${unit}`;
  }
  return shown;
}

/** Lines of a table, each column as wide as its widest cell; numbers go to the right. */
export function showTable(rows: readonly (readonly (string | number)[])[]): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, i) => Math.max(...rows.map((row) => String(row[i] ?? "").length)));
  const pad = (cell: string | number, width: number) =>
    typeof cell === "number" ? String(cell).padStart(width) : cell.padEnd(width);
  return rows.map((row) => `  ${row.map((cell, i) => pad(cell, widths[i] ?? 0)).join("  ")}`.trimEnd() + "\n").join("");
}
