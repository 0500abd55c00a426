import type { Priority } from "@trunkline/core";
import type { Summary, TypeRow } from "./tally.js";

export interface Space {
  readonly columns: number;
  readonly rows: number;
  readonly hasColor: boolean;
}

/** For pipes and files: nothing is cut. */
export const UNBOUNDED: Space = { columns: Number.POSITIVE_INFINITY, rows: Number.POSITIVE_INFINITY, hasColor: false };

const HEAD = ["event type", "count", "per s", "priority", "last publisher"];
const NUMBERS: ReadonlySet<number> = new Set([1, 2]);

/** ANSI colours of what should be seen; other priorities have none. */
const COLORS: Partial<Record<Priority, number>> = { warn: 33, error: 31, critical: 31 };

/** One line for all, then one for each type; as many as there is space for. */
export function table({ events, perSecond, types }: Summary, { columns, rows, hasColor }: Space): readonly string[] {
  const paint = (text: string, code: number | undefined): string =>
    hasColor && code !== undefined ? `\u001b[${code}m${text}\u001b[0m` : text;
  const shown = types.slice(0, types.length + 2 <= rows ? types.length : Math.max(0, rows - 3));
  const [head = "", ...lines] = grid([HEAD, ...shown.map(cells)]).map((line) => cut(line, columns));
  const more = types.length - shown.length;
  return [
    cut(`${events} events, ${perSecond.toFixed(1)} per second, ${types.length} types`, columns),
    paint(head, 2),
    ...lines.map((line, index) => paint(line, COLORS[shown[index]?.priority ?? "info"])),
    ...(more === 0 ? [] : [cut(`… and ${more} more types`, columns)]),
  ];
}

function cells({ eventType, count, perSecond, priority, publisherId }: TypeRow): readonly string[] {
  return [printable(eventType), String(count), perSecond.toFixed(1), priority, printable(publisherId)];
}

/** Anybody on the bus chooses these texts: what would move the cursor or change colours is not let through. */
function printable(text: string): string {
  return text.replace(/\p{C}/gu, "?");
}

/** Numbers to the right, all else to the left. */
function grid(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const aligned = (cell: string, column: number): string =>
    NUMBERS.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0);
  return rows.map((row) => row.map(aligned).join("  ").trimEnd());
}

function cut(line: string, columns: number): string {
  return line.length <= columns ? line : `${line.slice(0, Math.max(0, columns - 1))}…`;
}
