import { until } from "@trunkline/core/testing";
import { expect, test } from "vitest";
import { ChildProgram } from "../support/child-program.js";
import { type Footprint, MIB } from "../support/churn-round.js";
import { fromEnvironment, localUrl, runFolders } from "../support/runs.js";
import { ServerSlot } from "../support/server-slot.js";

/** Transports that come and go, each with a link of its own. */
const CYCLES = fromEnvironment("TRUNKLINE_SCALE_CYCLES", 24_000);
const WARM = 1_000;
const PARTS = 4;
const AT_ONCE = 16;
const HELD = 500;
/** Each process: what a link that stays behind would be many times more than, with 24 000 of them. */
const KEPT_BYTES = 6 * MIB;
/** A context of libzmq's waits for the next transport, with its five files: as many as there ever were at once. */
const FILES_OF_CONTEXT = 5;

interface Times {
  readonly cycleMs: number;
  readonly holdMs: number;
}

// Both processes on one machine, over Unix sockets: what is measured is what a link costs, and that it costs nothing once it is gone.
test.each(["zmtp", "libzmq"])(
  `${CYCLES} transports come and go, and ${HELD} stay for a while, over %s`,
  async (engine) => {
    // Each transport of libzmq's has a context, with threads: a tenth of the cycles tells as much there.
    const cycles = engine === "zmtp" ? CYCLES : CYCLES / 10;
    const held = engine === "zmtp" ? HELD : HELD / 5;
    const folders = await runFolders();
    const url = localUrl(folders, { engine });
    const nodeArgs = ["--expose-gc"];
    const slot = new ServerSlot({ url, folder: folders.records, server: "s", nodeArgs });
    await slot.start();
    const connector = await ChildProgram.start("connector", { url }, { nodeArgs });
    const programs = [slot.program, connector];
    const look = (): Promise<Footprint[]> => Promise.all(programs.map((one) => one.ask<Footprint>("footprint")));
    const links = async (count: number): Promise<void> => {
      const seen = async (): Promise<boolean> => {
        const { gauges } = await slot.program.ask<{ gauges: Record<string, number> }>("stats");
        return gauges["server.links"] === count;
      };
      await until(seen, { withinMs: 60_000, what: `the server has ${count} links` });
    };
    const rows: string[] = [];
    const grown = (from: readonly Footprint[], to: readonly Footprint[]): readonly [number, number][] =>
      to.map(({ bytes, openFiles }, at) => [bytes - (from[at]?.bytes ?? 0), openFiles - (from[at]?.openFiles ?? 0)]);
    const row = (what: string, from: readonly Footprint[], to: readonly Footprint[], perLink?: number): void => {
      const cells = grown(from, to).map(([bytes, files]) => {
        const each = perLink === undefined ? "" : ` (${(bytes / perLink / 1024).toFixed(1)} KiB each)`;
        return `${(bytes / MIB).toFixed(2)} MiB${each}, ${files} files`;
      });
      rows.push(`| ${engine} | ${what} | ${cells.join(" | ")} |`);
    };

    await connector.ask("comeAndGo", { count: WARM, atOnce: AT_ONCE });
    await links(0);
    const before = await look();
    const beganAt = performance.now();
    for (let part = 1; part <= PARTS; part++) {
      await connector.ask("comeAndGo", { count: cycles / PARTS, atOnce: AT_ONCE });
      await links(0);
      row(`after ${(cycles / PARTS) * part} came and went`, before, await look());
    }
    const after = await look();
    const cycled = performance.now() - beganAt;

    const holdAt = performance.now();
    await connector.ask("hold", { count: held });
    const times: Times = { cycleMs: cycled / cycles, holdMs: performance.now() - holdAt };
    await links(held);
    row(`${held} held`, after, await look(), held);
    await connector.ask("letGo");
    await links(0);
    const last = await look();
    row("let go", after, last);
    console.log(
      `scale: one comes, calls and goes in ${times.cycleMs.toFixed(2)} ms; ${held} at once in ${times.holdMs.toFixed(0)} ms\n` +
        `| engine | | server | client |\n|---|---|---|---|\n${rows.join("\n")}`,
    );
    for (const [bytes, files] of [...grown(before, after), ...grown(after, last)]) {
      expect(bytes).toBeLessThan(KEPT_BYTES);
      expect(files).toBeLessThanOrEqual(engine === "zmtp" ? 0 : FILES_OF_CONTEXT * held);
    }
    await Promise.all(programs.map((program) => program.finish()));
  },
  900_000,
);
