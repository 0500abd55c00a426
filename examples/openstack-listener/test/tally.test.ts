import type { NotificationEvent } from "@trunkline/core";
import { expect, test } from "vitest";
import { Tally } from "../src/tally.js";

const event = (eventType: string, more: Partial<NotificationEvent> = {}): NotificationEvent => ({
  publisherId: "compute.host1",
  eventType,
  priority: "info",
  payload: null,
  context: {},
  messageId: "m1",
  timestamp: "2026-01-01T00:00:00.000Z",
  ...more,
});

test("types are counted, the most frequent first, each with its last priority and publisher", () => {
  const tally = new Tally(0);
  tally.add(event("port.create"), 0);
  tally.add(event("volume.create"), 0);
  tally.add(event("compute.create"), 0);
  tally.add(event("compute.create", { priority: "error", publisherId: "compute.host2" }), 0);
  const { events, types } = tally.summary(1_000);
  expect(events).toBe(4);
  expect(types).toEqual([
    { eventType: "compute.create", count: 2, perSecond: 2, priority: "error", publisherId: "compute.host2" },
    { eventType: "port.create", count: 1, perSecond: 1, priority: "info", publisherId: "compute.host1" },
    { eventType: "volume.create", count: 1, perSecond: 1, priority: "info", publisherId: "compute.host1" },
  ]);
});

test("a rate is of the last ten seconds, at first of the time there was", () => {
  const tally = new Tally(500);
  const rateAt = (nowMs: number): number => tally.summary(nowMs).perSecond;
  expect(rateAt(500)).toBe(0);
  for (let nowMs = 500; nowMs < 30_500; nowMs += 100) tally.add(event("port.create"), nowMs);
  expect(rateAt(30_500)).toBeCloseTo(10, 5);
  expect(rateAt(35_000)).toBeLessThan(6);
  expect(rateAt(60_000)).toBe(0);

  const young = new Tally(7_700);
  for (let nowMs = 7_700; nowMs < 10_700; nowMs += 100) young.add(event("port.create"), nowMs);
  expect(young.summary(10_700).perSecond).toBeCloseTo(10, 5);
  expect(young.summary(10_700).types[0]?.perSecond).toBeCloseTo(10, 5);
});
