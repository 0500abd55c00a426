import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { buildAccounting, digestOf, summarise } from "../src/accounting.js";
import { type Account, Ledger } from "../src/ledger.js";
import { homeOf, neighbourOf } from "../src/placement.js";
import { percentile } from "../src/table.js";
import { DEFAULT_TRACE, readTrace } from "../src/trace.js";

async function book(role: string, fill: (ledger: Ledger) => void): Promise<Account> {
  const ledger = new Ledger(role);
  fill(ledger);
  return ledger.close();
}

const send = (ledger: Ledger, kind: "call" | "cast" | "fanout" | "event", key: string): void => {
  void ledger.send(kind, key, () => Promise.resolve());
};

test("what is sent and received once each is whole", async () => {
  const sender = await book("api", (ledger) => {
    send(ledger, "cast", "a>b x 1");
    send(ledger, "fanout", "api>scheduler refreshQuotas 0");
    send(ledger, "event", "api step 1");
  });
  const receiver = await book("rest", (ledger) => {
    ledger.received("cast", "a>b x 1");
    ledger.received("fanout", "api>scheduler refreshQuotas 0 at scheduler1");
    ledger.received("fanout", "api>scheduler refreshQuotas 0 at scheduler2");
    ledger.received("event", "api step 1 in audit");
    ledger.received("event", "api step 1 in metering");
  });
  const { messages, pools } = summarise(buildAccounting({}, [sender, receiver], 2), []);
  for (const { lost, excess } of Object.values(messages)) expect([lost, excess]).toEqual([0, 0]);
  expect(pools["audit"]).toEqual({ expected: 1, seen: 1, lost: 0, twice: 0 });
});

test("what is lost, what comes twice and what comes from nowhere are told apart", async () => {
  const sender = await book("api", (ledger) => {
    for (const id of ["1", "2", "3"]) send(ledger, "cast", `a>b x ${id}`);
    send(ledger, "event", "api step 1");
    send(ledger, "fanout", "api>compute refreshQuotas 0");
  });
  const receiver = await book("rest", (ledger) => {
    for (const id of ["1", "1", "2", "9"]) ledger.received("cast", `a>b x ${id}`);
    ledger.received("event", "api step 1 in audit");
    ledger.received("event", "api step 1 in audit");
    for (const server of ["host0@ceph", "host0@lvm", "host1@ceph"]) {
      ledger.received("fanout", `api>compute refreshQuotas 0 at ${server}`);
    }
  });
  const accounting = buildAccounting({}, [sender, receiver], 2);
  const { messages, pools } = summarise(accounting, []);
  expect(messages.cast).toEqual({ sent: 3, expected: 3, received: 4, lost: 1, excess: 2 });
  expect(messages.fanout).toEqual({ sent: 1, expected: 4, received: 3, lost: 1, excess: 0 });
  expect(pools["audit"]).toEqual({ expected: 1, seen: 2, lost: 0, twice: 1 });
  expect(pools["metering"]).toEqual({ expected: 1, seen: 0, lost: 1, twice: 0 });
  expect(digestOf(accounting)).not.toBe(digestOf(buildAccounting({}, [sender], 2)));
});

test("a request that ends otherwise than the trace says is counted", async () => {
  const trace = await readTrace(DEFAULT_TRACE);
  const asExpected = Object.fromEntries(trace.map(({ id, expect }) => [id, expect]));
  const { requests } = summarise(buildAccounting({ ...asExpected, "req-0001": "ERR_TIMEOUT" }, [], 2), trace);
  const wrong = Object.values(requests).reduce((sum, kind) => sum + kind.wrong, 0);
  expect(wrong).toBe(1);
  expect(summarise(buildAccounting({}, [], 2), trace).requests.boot.done).toBe(0);
});

test("a role that waits in vain notes a problem", async () => {
  const ledger = new Ledger("telemetry");
  ledger.received("event", "one");
  await ledger.untilReceived("event", 1, 1);
  await ledger.untilReceived("event", 2, 1);
  expect((await ledger.close()).problems).toEqual(["telemetry: 1 of 2 messages of kind event came within 1 ms"]);
});

test("the trace is what its generator writes", () => {
  const folder = join(dirname(dirname(fileURLToPath(import.meta.url))), "trace");
  const written = execFileSync(process.execPath, [join(folder, "generate.mjs")], { encoding: "utf8" });
  expect(written).toBe(readFileSync(join(folder, "requests.jsonl"), "utf8"));
});

test("the trace has every kind, in the order of arrival, and some that must fail", async () => {
  const trace = await readTrace(DEFAULT_TRACE);
  expect(trace.length).toBeGreaterThan(300);
  expect(new Set(trace.map(({ kind }) => kind)).size).toBe(4);
  expect(new Set(trace.map((request) => request.expect)).size).toBe(5);
  expect(trace.map(({ atMs }) => atMs)).toEqual(trace.map(({ atMs }) => atMs).toSorted((one, other) => one - other));
});

test("a place depends on nothing but the request, and migration leaves the host", async () => {
  const trace = await readTrace(DEFAULT_TRACE);
  const places = new Set(trace.map((request) => homeOf(request, 8)));
  expect(places.size).toBe(16);
  expect(neighbourOf("host7@lvm", 8)).toBe("host0@lvm");
});

test("percentiles", () => {
  expect(percentile([], 0.5)).toBe("-");
  expect(percentile([3, 1, 2], 0.5)).toBe("2.00");
  expect(
    percentile(
      Array.from({ length: 100 }, (_, index) => index + 1),
      0.99,
    ),
  ).toBe("99.00");
});
