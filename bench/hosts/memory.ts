/**
 * The memory of processes, as Linux counts it.
 *
 * @module
 */

/** Bytes of a process. */
export interface ProcessMemory {
  /** Resident now; of files that are mapped, such as the program itself, what was touched. */
  readonly resident: number;
  /** The most that was resident since `resetPeaks`. */
  readonly peak: number;
}

/**
 * The memory of the largest among this process's descendants whose command lines match: a host that starts several has
 * the model in that one.
 */
export function readMemory(commandLine: RegExp): ProcessMemory {
  const found = descendants(commandLine).map((process) => {
    const status = read(process, "status");
    return { resident: bytesOf(status, "VmRSS"), peak: bytesOf(status, "VmHWM") };
  });
  const [largest] = found.toSorted((a, b) => b.resident - a.resident);
  if (largest === undefined) throw new Error(`Cannot read memory: no process below this one matches ${commandLine}`);
  return largest;
}

/** Lets the peaks of these processes begin anew. */
export function resetPeaks(commandLine: RegExp): void {
  for (const process of descendants(commandLine)) Deno.writeTextFileSync(`/proc/${process}/clear_refs`, "5");
}

function bytesOf(status: string, field: string): number {
  return Number(RegExp(`^${field}:\\s*(\\d+) kB$`, "m").exec(status)?.[1] ?? 0) * 1024;
}

/** Ids of the processes below this one whose command lines match. */
function descendants(commandLine: RegExp): string[] {
  const children = Map.groupBy(
    [...Deno.readDirSync("/proc")].map(({ name }) => name).filter((name) => /^\d+$/.test(name)),
    // The parent comes second after the name, which is in parentheses and may hold some itself.
    (process) => read(process, "stat").replace(/^.*\)/s, "").split(" ")[2] ?? "",
  );
  const found = [String(Deno.pid)];
  for (const process of found) found.push(...children.get(process) ?? []);
  return found.slice(1).filter((process) => commandLine.test(read(process, "cmdline").replaceAll("\0", " ")));
}

/** A file of a process; empty if that has ended. */
function read(process: string, file: string): string {
  try {
    return Deno.readTextFileSync(`/proc/${process}/${file}`);
  } catch {
    return "";
  }
}
