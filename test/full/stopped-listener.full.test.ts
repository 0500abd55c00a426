import { readdirSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { until } from "@trunkline/core/testing";
import { expect, test } from "vitest";
import { ChildProgram } from "../support/child-program.js";
import { readRecords } from "../support/ledger.js";
import { localUrl, runFolders } from "../support/runs.js";
import { ServerSlot } from "../support/server-slot.js";

const MIB = 1024 * 1024;
const QUEUE_MIB = 8;
const CREDIT = 64;
const FROZEN_MS = 2_000;
const EVENT_BYTES = 64 * 1024;
/** Twice the line's bound (what waits, and what is slowed), what may be under way, and buffers not yet collected. */
const MAY_GROW_BYTES = 2 * QUEUE_MIB * MIB + CREDIT * EVENT_BYTES + 64 * MIB;
/** A sender without a bound would keep all of these: far more than that. */
const FLOOD_EVENTS = (8 * MAY_GROW_BYTES) / EVENT_BYTES;

interface Settled {
  readonly records: readonly { readonly id: string; readonly state: string; readonly error?: string }[];
  readonly unsettled: readonly string[];
}

interface Progress {
  readonly sent: number;
  readonly unsettled: number;
  readonly refused: number;
}

test("a listener that stops reading costs its sender no more than its bound, and loses nothing (B13)", async () => {
  const folders = await runFolders();
  const url = localUrl(folders, { heartbeatTimeoutMs: 20_000, queueMiB: QUEUE_MIB });
  const listener = new ServerSlot({
    url,
    folder: folders.records,
    server: "s1",
    pools: ["p"],
    serves: false,
    credit: CREDIT,
  });
  await listener.start();
  const sender = await ChildProgram.start("stream", { url, timeoutMs: 60_000 }, { nodeArgs: ["--expose-gc"] });
  await sender.ask("steady", { events: 400 });

  listener.program.signal("SIGSTOP");
  const before = await sender.ask<number>("flood", { events: FLOOD_EVENTS });
  const [peak] = await Promise.all([sender.ask<number>("peak"), pause(FROZEN_MS)]);
  listener.program.signal("SIGCONT");
  const grown = peak - before;
  const { sent, refused } = await sender.ask<Progress>("progress");
  console.log(`stopped listener: ${sent} events offered, ${refused} refused, grew by ${(grown / MIB).toFixed(1)} MiB`);
  expect(grown).toBeLessThan(MAY_GROW_BYTES);
  expect(refused).toBeGreaterThan(0);

  await until(async () => (await sender.ask<Progress>("progress")).unsettled === 0, {
    withinMs: 60_000,
    what: "what waited is sent",
  });
  await sender.ask("steady", { events: 400 });
  const { records, unsettled } = await sender.ask<Settled>("settled");
  await listener.program.finish();
  expect(unsettled).toEqual([]);
  expect(records.filter(({ state }) => state === "strange")).toEqual([]);
  // Each that was accepted came once, and none that was refused.
  const came = readRecords(folders.records).handled.map(({ id }) => id);
  const accepted = records.filter(({ state }) => state === "ok").map(({ id }) => id);
  expect(came.length).toBe(accepted.length);
  expect(new Set(came)).toEqual(new Set(accepted));
  await sender.finish();
  expect(readdirSync(folders.runtime)).toEqual([]);
}, 240_000);
