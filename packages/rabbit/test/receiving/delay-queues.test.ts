import { ConnectionLostError, type MessagingError } from "@trunkline/core/driver";
import { ManualClock } from "@trunkline/core/testing";
import { describe, expect, test } from "vitest";
import { DelayQueues } from "../../src/receiving/delay-queues.js";
import type { EventDelivery } from "../../src/receiving/event-delivery.js";
import type { ListenerHost } from "../../src/receiving/listener-host.js";
import type { Route } from "../../src/topology/declarations.js";
import { RABBIT_TOPOLOGY, RabbitNaming } from "../../src/topology/rabbit-naming.js";
import { PackedWire } from "../../src/wire/packed/packed-wire.js";
import { consumed, eventOf, routeTo } from "../support/messages.js";
import { FakeSendChannel } from "../support/send-channel.js";

const naming = new RabbitNaming(RABBIT_TOPOLOGY);
const [source] = naming.eventSources({ realm: "", exchange: "E", topic: "T" }, ["info"], "P");
const QUEUE = "trunkline.event.E.T.info.P";
const lost: MessagingError = new ConnectionLostError("lost", true);

function requeued(
  delayMs: number,
  attempt = 1,
): {
  readonly channel: FakeSendChannel;
  readonly clock: ManualClock;
  readonly wire: PackedWire;
  /** What became of the delivery, the channel's lane, and warnings. */
  readonly told: string[];
  readonly done: Promise<void>;
} {
  const clock = new ManualClock();
  const channel = new FakeSendChannel();
  const told: string[] = [];
  const limits = { maxMessageBytes: 1 << 20, driver: "rabbit" };
  const wire = new PackedWire({ clock, compresses: false, limits, clockToleranceMs: 0, newId: () => "u" });
  const host = {
    clock,
    wire,
    random: () => 1,
    warn: (message: string) => told.push(`warn: ${message}`),
    channels: {
      of: (_route: Route, lane: string) => {
        told.push(lane);
        return channel;
      },
    },
  };
  const message = wire.event(routeTo("x"), eventOf());
  const delivery = {
    attempt,
    arrived: { raw: consumed(message.body, message.properties()), id: "u", source },
    acknowledge: () => told.push("acknowledged"),
    giveBack: () => told.push("given back"),
  };
  // Of the host and the delivery these are all that is used.
  const queues = new DelayQueues(naming, host as unknown as ListenerHost);
  const done = queues.requeue(delivery as unknown as EventDelivery, delayMs);
  return { channel, clock, wire, told, done };
}

test("the attempt is what the message says, and 1 at first", () => {
  const queues = new DelayQueues(naming, {} as ListenerHost);
  const attempts = [undefined, 1, 7].map((attempt) => queues.attemptOf({ attempt } as never));
  expect(attempts).toEqual([1, 1, 7]);
});

describe("an event that is asked for again", () => {
  test("with a delay waits at the broker, in a queue that its sender declares and that leads back", () => {
    const [publication] = requeued(2_500.4).channel.pushed;
    const queue = naming.delayQueue(QUEUE, 2_500);
    expect(publication?.route).toMatchObject({
      exchange: undefined,
      key: queue.name,
      isMandatory: true,
      isPersistent: true,
      queues: [{ queue, bindings: [] }],
    });
    expect(queue.arguments["x-dead-letter-routing-key"]).toBe(QUEUE);
  });

  test.each([0, 0.9])("without one (%d ms) goes to the end of its own queue", (delayMs) => {
    const [publication] = requeued(delayMs).channel.pushed;
    expect(publication?.route).toMatchObject({ exchange: undefined, key: QUEUE, queues: [], isPersistent: true });
  });

  test("is a message of its own for each attempt, and counted", () => {
    const { channel, wire, told } = requeued(0, 3);
    const [publication] = channel.pushed;
    expect(publication?.id).toBe("u/4");
    const raw = consumed(publication?.body ?? Buffer.alloc(0), publication?.properties());
    expect(wire.readEvent(raw)).toEqual({ event: eventOf(), id: "u", attempt: 4 });
    expect(told).toEqual(["replies"]);
  });

  test("is acknowledged once the broker has it again, and not before", async () => {
    const { channel, told, done } = requeued(100);
    expect(told).toEqual(["replies"]);
    channel.pushed[0]?.confirmed();
    expect(told).toEqual(["replies", "acknowledged"]);
    await done;
  });

  test.each(["refused", "returned"] as const)("is offered again after a pause where it was %s", async (fate) => {
    const { channel, clock, told, done } = requeued(100);
    channel.pushed[0]?.[fate]();
    expect(channel.pushed).toHaveLength(1);
    clock.advance(20);
    expect(channel.pushed).toHaveLength(2);
    channel.pushed[1]?.[fate]();
    clock.advance(39);
    expect(channel.pushed).toHaveLength(2);
    clock.advance(1);
    channel.pushed[2]?.confirmed();
    await done;
    expect(told).toEqual(["replies", "replies", "replies", "acknowledged"]);
    expect(new Set(channel.pushed).size).toBe(1);
  });

  test("goes at once under its own id where nobody knows what became of it", () => {
    const { channel, told } = requeued(100);
    channel.pushed[0]?.doubtful(lost);
    expect(channel.pushed.map(({ id }) => id)).toEqual(["u/2", "u/2"]);
    expect(told).not.toContain("acknowledged");
  });

  test("goes back as it came where it cannot be written", async () => {
    const { channel, told, done } = requeued(100);
    channel.pushed[0]?.failed(lost);
    await done;
    expect(told).toEqual(["replies", "given back", "warn: an event could not be requeued, and comes again at once"]);
  });
});
