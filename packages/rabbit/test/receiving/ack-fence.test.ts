import { ManualClock } from "@trunkline/core/testing";
import { expect, test } from "vitest";
import { AckFence } from "../../src/receiving/ack-fence.js";
import { AckToken } from "../../src/receiving/ack-token.js";
import { BrokerChannel } from "../support/broker-channel.js";

function fenceOn(delivered: number): {
  readonly broker: BrokerChannel;
  readonly fence: AckFence;
  readonly told: string[];
  ack(tag: number): void;
} {
  const broker = new BrokerChannel();
  for (let count = 0; count < delivered; count++) broker.deliver();
  const token = new AckToken(broker.channel, { gather() {} }, new ManualClock());
  const fence = new AckFence(token, 30);
  const told: string[] = [];
  const ack = (tag: number): void =>
    fence.acknowledge(tag, {
      heard: () => told.push(`heard ${tag}`),
      doubtful: () => told.push(`doubtful ${tag}`),
    });
  return { broker, fence, told, ack };
}

const nextImmediate = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("what came together is told by one round trip, and nothing before its answer", async () => {
  const { broker, told, ack } = fenceOn(3);
  for (const tag of [1, 2, 3]) ack(tag);
  await nextImmediate();
  expect(broker.frames).toEqual(["ack to 3", "prefetch 30"]);
  expect(told).toEqual([]);
  broker.asked[0]?.answer();
  await nextImmediate();
  expect(told).toEqual(["heard 1", "heard 2", "heard 3"]);
});

test("what comes while one answer is awaited waits for the next", async () => {
  const { broker, told, ack } = fenceOn(3);
  ack(1);
  await nextImmediate();
  ack(2);
  ack(3);
  await nextImmediate();
  expect(broker.asked).toHaveLength(1);
  broker.asked[0]?.answer();
  await nextImmediate();
  expect(told).toEqual(["heard 1"]);
  expect(broker.asked).toHaveLength(2);
  expect(broker.tagsOf("held")).toEqual([]);
  broker.asked[1]?.answer();
  await nextImmediate();
  expect(told).toEqual(["heard 1", "heard 2", "heard 3"]);
});

test("where the channel ends first nobody knows, and what comes then is in doubt as well", async () => {
  const { broker, told, ack } = fenceOn(2);
  ack(1);
  await nextImmediate();
  ack(2);
  broker.asked[0]?.fail(new Error("channel closed"));
  await nextImmediate();
  expect(told).toEqual(["doubtful 1"]);
  broker.asked[1]?.fail(new Error("channel closed"));
  await nextImmediate();
  expect(told).toEqual(["doubtful 1", "doubtful 2"]);
});

test("it is idle when each has been told", async () => {
  const { broker, fence, told, ack } = fenceOn(2);
  await fence.idle();
  ack(1);
  let isIdle = false;
  const idle = fence.idle().then(() => {
    isIdle = true;
  });
  await nextImmediate();
  ack(2);
  broker.asked[0]?.answer();
  await nextImmediate();
  expect(isIdle).toBe(false);
  broker.asked[1]?.answer();
  await idle;
  expect(told).toEqual(["heard 1", "heard 2"]);
  await fence.idle();
});
