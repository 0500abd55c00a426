import { describe, expect, test } from "vitest";
import { createDisplay } from "../src/display.js";
import { table, UNBOUNDED } from "../src/table.js";
import type { Summary, TypeRow } from "../src/tally.js";

const row = (eventType: string, more: Partial<TypeRow> = {}): TypeRow => ({
  eventType,
  count: 12,
  perSecond: 1.24,
  priority: "info",
  publisherId: "compute.host1",
  ...more,
});

const summaryOf = (...types: readonly TypeRow[]): Summary => ({ events: 24, perSecond: 2.5, types });

/** What is written to a stdout that is such a terminal, or none. */
function stdoutOf(terminal: { readonly columns: number; readonly rows: number } | undefined) {
  const written: string[] = [];
  const write = (text: string): boolean => written.push(text) > 0;
  // A display uses no more than this of a stream.
  const stdout = { ...terminal, isTTY: terminal !== undefined, write } as NodeJS.WriteStream;
  return { stdout, written };
}

test("the table has a line for all and one for each type", () => {
  const lines = table(
    summaryOf(row("compute.instance.create.end"), row("x", { count: 5, priority: "critical" })),
    UNBOUNDED,
  );
  expect(lines).toEqual([
    "24 events, 2.5 per second, 2 types",
    "event type                   count  per s  priority  last publisher",
    "compute.instance.create.end     12    1.2  info      compute.host1",
    "x                                5    1.2  critical  compute.host1",
  ]);
});

test("it fits the space there is", () => {
  const types = Array.from({ length: 9 }, (_, index) => row(`compute.instance.create.${index}`));
  const lines = table(summaryOf(...types), { columns: 30, rows: 7, hasColor: false });
  expect(lines).toHaveLength(7);
  expect(lines.at(-1)).toBe("… and 5 more types");
  for (const line of lines) expect(line.length).toBeLessThanOrEqual(30);
  expect(table(summaryOf(...types), { columns: 30, rows: 11, hasColor: false })).toHaveLength(11);
});

test("what a publisher calls itself cannot move the cursor", () => {
  const lines = table(summaryOf(row("a\u001b[2Jb\nc", { publisherId: "\u009b31m" })), UNBOUNDED);
  expect(lines.at(-1)).toBe("a?[2Jb?c       12    1.2  info      ?31m");
});

describe("on a terminal", () => {
  const terminal = { columns: 60, rows: 20 };

  test("it is drawn on a screen of its own, which is given back with the last table below", () => {
    const { stdout, written } = stdoutOf(terminal);
    const display = createDisplay(stdout, {}, false);
    display.note("the broker is gone");
    display.show(summaryOf(row("disk.full", { priority: "error" })));
    display.end(summaryOf(row("disk.full")));
    const [open, drawn, end] = written;
    expect(open).toBe("\u001b[?1049h\u001b[?25l");
    expect(drawn).toContain("\u001b[H24 events");
    expect(drawn).toContain("\u001b[31mdisk.full ");
    expect(drawn).toContain("\nthe broker is gone");
    expect(end).toContain("\u001b[?25h\u001b[?1049l24 events");
    expect(end).toMatch(/\ndisk\.full .*\n$/);
  });

  test("NO_COLOR leaves the colours away", () => {
    const { stdout, written } = stdoutOf(terminal);
    createDisplay(stdout, { NO_COLOR: "1" }, false).show(summaryOf(row("disk.full", { priority: "error" })));
    expect(written.join("")).not.toContain("\u001b[31m");
    expect(written.join("")).not.toContain("\u001b[2m");
  });
});

describe.each([
  ["a pipe", undefined, {}, false],
  ["a terminal that cannot draw", { columns: 60, rows: 20 }, { TERM: "dumb" }, false],
  ["JSON on a terminal", { columns: 60, rows: 20 }, {}, true],
] as const)("%s", (_, terminal, env, isJson) => {
  test("gets text alone, and what has not changed once", () => {
    const { stdout, written } = stdoutOf(terminal);
    const display = createDisplay(stdout, env, isJson);
    const summary = summaryOf(row("disk.full", { priority: "error" }));
    display.show(summary);
    display.show(summary);
    expect(written).toHaveLength(1);
    display.end(summary);
    expect(written).toHaveLength(2);
    expect(written.join("")).not.toContain("\u001b");
    if (isJson) expect(JSON.parse(written[0] ?? "")).toEqual(summary);
    else expect(written[0]).toMatch(/^24 events, .*\nevent type .*\ndisk\.full .*\n\n$/);
  });
});
