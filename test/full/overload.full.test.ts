import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { ChildProgram } from "../support/child-program.js";
import { readRecords } from "../support/ledger.js";
import { localUrl, runFolders } from "../support/runs.js";
import { ServerSlot } from "../support/server-slot.js";

const CREDIT = 8;
const HOLD_MS = 50;
const PROCESSES = 4;
const CLIENTS = 20;
const CALLS = 200;

interface Outcome {
  readonly id: string;
  readonly state: string;
  readonly error?: string;
}

test("a server with 500 times more calls than it can take answers all, each client's alike (B13)", async () => {
  const folders = await runFolders();
  const url = localUrl(folders);
  const slot = new ServerSlot({ url, folder: folders.records, server: "slow", concurrency: CREDIT, credit: CREDIT });
  await slot.start();
  const names = Array.from({ length: CLIENTS }, (_, index) => `c${index}`);
  const callers = await Promise.all(
    Array.from({ length: PROCESSES }, (_, process) =>
      ChildProgram.start("callers", {
        url,
        names: names.filter((_name, index) => index % PROCESSES === process),
        timeoutMs: 120_000,
        holdMs: HOLD_MS,
      }),
    ),
  );
  await Promise.all(callers.map((program) => program.ask("greet")));
  const outcomes = (
    await Promise.all(callers.map((program) => program.ask<Outcome[]>("call", { calls: CALLS })))
  ).flat();
  expect(outcomes).toHaveLength(CLIENTS * CALLS);
  expect(outcomes.filter(({ state }) => state !== "ok").map(({ id, error }) => `${id}: ${error}`)).toEqual([]);
  expect(await slot.program.ask<number>("mostInHand")).toBeLessThanOrEqual(CREDIT);

  const order = readRecords(folders.records)
    .handled.map(({ id }) => id)
    .filter((id) => !id.endsWith("-hello"));
  expect(order).toHaveLength(CLIENTS * CALLS);
  expect(new Set(order).size).toBe(order.length);
  // Whom the server took while all of them still waited: each got between a third and three times an even share.
  const even = CALLS / 2;
  const shares = new Map(names.map((name) => [name, 0]));
  for (const id of order.slice(0, CLIENTS * even)) {
    const name = id.slice(0, id.lastIndexOf("-"));
    shares.set(name, (shares.get(name) ?? 0) + 1);
  }
  console.log(`overload: of an even share of ${even}, clients got ${[...shares.values()].sort((a, b) => a - b)}`);
  for (const [name, share] of shares) {
    expect(share, name).toBeGreaterThan(even / 3);
    expect(share, name).toBeLessThan(even * 3);
  }
  await Promise.all([slot.program, ...callers].map((program) => program.finish()));
  expect(readdirSync(folders.runtime)).toEqual([]);
}, 180_000);
