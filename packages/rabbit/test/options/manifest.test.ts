import { describe, expect, test } from "vitest";
import { capabilitiesOf } from "../../src/options/manifest.js";
import { osloSettings, rabbitSettings } from "../support/urls.js";

const rabbit = (query = ""): ReturnType<typeof capabilitiesOf> => capabilitiesOf(rabbitSettings(query));
const oslo = (query = ""): ReturnType<typeof capabilitiesOf> => capabilitiesOf(osloSettings(query));

test("what the two namings claim differs in what oslo's names and wire cannot do", () => {
  const [ours, theirs] = [rabbit(), oslo()];
  const differing = Object.keys(ours).filter(
    (key) => JSON.stringify(ours[key as "rpc"]) !== JSON.stringify(theirs[key as "rpc"]),
  );
  expect(Object.fromEntries(differing.map((key) => [key, [ours[key as "rpc"], theirs[key as "rpc"]]]))).toEqual({
    acceptance: [
      { casts: "durable", events: "durable" },
      { casts: "broker", events: "broker" },
    ],
    binary: [true, false],
    bigint: [true, false],
    date: [true, false],
    peerDeath: ["detected", "monitored"],
    cancel: [true, false],
    exchanges: [true, false],
    exactNames: [true, false],
    eventContext: ["filtered", "listed"],
    detectionMs: [30_000, 180_000],
    recoveryMs: [5_000, 33_000],
  });
});

test("neither claims streams, and both are frozen", () => {
  for (const manifest of [rabbit(), oslo()]) {
    expect(manifest.streaming).toBe(false);
    expect(manifest).toMatchObject({ duplicateWindow: { ids: 10_000, ms: 300_000 }, undeliverable: "no-queue" });
    expect(Object.isFrozen(manifest)).toBe(true);
  }
});

describe("options show", () => {
  test("oslo's queues are durable by either option", () => {
    const durable = { casts: "durable", events: "durable" };
    expect(oslo("amqp_durable_queues=true").acceptance).toEqual(durable);
    expect(oslo("rabbit_quorum_queue=true").acceptance).toEqual(durable);
    expect(oslo("rabbit_transient_quorum_queue=true").acceptance).toEqual({ casts: "broker", events: "broker" });
  });

  test("the size limit", () => {
    expect(rabbit("maxMessageBytes=1000").maxMessageBytes).toBe(1_000);
    expect(oslo("maxMessageBytes=1000").maxMessageBytes).toBe(1_000);
  });

  test("a dead peer is known after its heartbeats, and by the minute where there are none", () => {
    expect(rabbit("heartbeatMs=2000").detectionMs).toBe(6_000);
    expect(oslo("heartbeat_timeout_threshold=2").detectionMs).toBe(6_000);
    expect(oslo("heartbeat_timeout_threshold=0").detectionMs).toBe(60_000);
  });

  test("all works again after the longest pause between two attempts", () => {
    expect(rabbit("reconnectMaxMs=7000").recoveryMs).toBe(10_000);
    expect(oslo("rabbit_interval_max=7").recoveryMs).toBe(10_000);
    expect(oslo("rabbit_interval_max=7&kombu_reconnect_splay=5").recoveryMs).toBe(15_000);
    expect(oslo("rabbit_interval_max=7&kombu_reconnect_delay=20").recoveryMs).toBe(23_000);
  });
});
