import type { MessagingError, Priority, Receipt } from "@trunkline/core/driver";
import { describe, expect, test } from "vitest";
import { EventTopic } from "../../src/routing/event-topic.js";
import type { OutgoingEvent } from "../../src/routing/outgoing.js";
import { EventSpread } from "../../src/routing/spread.js";
import { type FakeListener, fakeListener } from "../support/fake-listeners.js";
import { FakeTopicHost } from "../support/fake-topic-host.js";

class World extends FakeTopicHost {
  readonly topic: EventTopic = new EventTopic(
    { kind: "events", realm: "", exchange: "default", topic: "t" },
    this.host,
  );

  emit(
    priority: Priority = "info",
    onlyPool?: string,
  ): { receipt: Receipt | undefined; error: MessagingError | undefined } {
    const log: { receipt: Receipt | undefined; error: MessagingError | undefined } = {
      receipt: undefined,
      error: undefined,
    };
    const owner = {
      isAbandoned: false,
      done: (receipt: Receipt) => {
        log.receipt = receipt;
      },
      failed: (error: MessagingError) => {
        log.error = error;
      },
    };
    const body = { bytes: new Uint8Array(3), flags: 0 };
    this.topic.rounds.add(new EventSpread(owner, { priority, attempt: 1, onlyPool }, body, this.topic.lineOf));
    return log;
  }

  listener(pool: string | undefined, priorities: readonly Priority[] = ["info"], tokens?: number): FakeListener {
    const fake = fakeListener({ pool, priorities, ...(tokens === undefined ? {} : { tokens }) });
    this.topic.join(fake.listener);
    return fake;
  }

  dies({ listener }: FakeListener): void {
    listener.isGoing = true;
    this.topic.leave(listener);
    for (const line of listener.lines.splice(0)) line.leave(listener);
  }
}

const events = ({ link }: FakeListener): OutgoingEvent[] => link.sent as OutgoingEvent[];
const acceptAll = (...listeners: FakeListener[]): void => {
  for (const listener of listeners) for (const event of events(listener)) event.accept();
};

describe("an event", () => {
  test("that nobody listens for succeeds", async () => {
    const world = new World();
    const log = world.emit();
    await world.settle();
    expect(log.receipt).toEqual({ accepted: 0, lost: 0 });
  });

  test("reaches each pool once, and those without a pool as one", async () => {
    const world = new World();
    const a = [world.listener("a"), world.listener("a")];
    const b = [world.listener("b")];
    const none = [world.listener(undefined), world.listener(undefined)];
    const logs = Array.from({ length: 40 }, () => world.emit());
    await world.settle();
    for (const pool of [a, b, none]) {
      expect(pool.reduce((sum, listener) => sum + events(listener).length, 0)).toBe(40);
    }
    acceptAll(...a, ...b, ...none);
    expect(logs.map(({ receipt }) => receipt)).toEqual(logs.map(() => ({ accepted: 3, lost: 0 })));
  });

  test("reaches only those that listen to its priority", async () => {
    const world = new World();
    const info = world.listener("p", ["info"]);
    const warn = world.listener("p", ["warn"]);
    const both = world.listener("q", ["info", "warn"]);
    world.emit("warn");
    const nobody = world.emit("audit");
    await world.settle();
    expect([info, warn, both].map((listener) => events(listener).length)).toEqual([0, 1, 1]);
    expect(events(both)[0]?.priority).toBe("warn");
    expect(nobody.receipt).toEqual({ accepted: 0, lost: 0 });
  });

  test("for one pool reaches no other", async () => {
    const world = new World();
    const [p, q, none] = [world.listener("p"), world.listener("q"), world.listener(undefined)];
    world.emit("info", "q");
    world.emit("info", "");
    await world.settle();
    expect([p, q, none].map((listener) => events(listener).length)).toEqual([0, 1, 1]);
  });

  test("waits for credit in its pool, while other pools have it", async () => {
    const world = new World();
    const full = world.listener("full", ["info"], 0);
    const free = world.listener("free");
    const log = world.emit();
    await world.settle();
    acceptAll(free);
    expect([log.receipt, world.topic.waiting()]).toEqual([undefined, 1]);
    full.listener.tokens = 1;
    full.listener.lines[0]?.pump();
    acceptAll(full);
    expect(log.receipt).toEqual({ accepted: 2, lost: 0 });
  });

  test("that waits is taken by one that joins the pool", async () => {
    const world = new World();
    const full = world.listener("p", ["info"], 0);
    const log = world.emit();
    await world.settle();
    const other = world.listener("p");
    world.listener("p", ["warn"]);
    acceptAll(other);
    expect([events(full).length, log.receipt]).toEqual([0, { accepted: 1, lost: 0 }]);
  });

  test("that waits when the last of its pool leaves looks for the pool afresh, and for no other", async () => {
    const world = new World();
    const full = world.listener("p", ["info"], 0);
    const other = world.listener("q");
    const log = world.emit();
    await world.settle();
    acceptAll(other);
    world.recordPool("a", "p");
    world.dies(full);
    await world.settle();
    expect(log.receipt).toBeUndefined();
    const fresh = world.listener("p");
    world.peer("a").ready(fresh.listener);
    await world.settle();
    acceptAll(fresh);
    expect([log.receipt, events(other).length]).toEqual([{ accepted: 2, lost: 0 }, 1]);
  });

  test("and is lost where there is no such pool any more", async () => {
    const world = new World();
    const full = world.listener("p", ["info"], 0);
    const log = world.emit();
    await world.settle();
    world.dies(full);
    await world.settle();
    expect(log.receipt).toEqual({ accepted: 0, lost: 1 });
  });

  test("waits for a pool that is on record and not known yet", async () => {
    const world = new World();
    world.recordPool("a", "p");
    world.recordPool("b", "q", ["warn"]);
    const log = world.emit();
    await world.settle();
    expect([...world.peers.keys()]).toEqual(["a"]);
    const fresh = world.listener("p");
    world.peer("a").ready(fresh.listener);
    await world.settle();
    acceptAll(fresh);
    expect(log.receipt).toEqual({ accepted: 1, lost: 0 });
  });

  test("does not wait for another process of a pool that has it already", async () => {
    const world = new World();
    const known = world.listener("p");
    world.recordPool("slow", "p");
    const log = world.emit();
    await world.settle(200);
    acceptAll(known);
    expect([events(known).length, log.receipt]).toEqual([1, { accepted: 1, lost: 0 }]);
    expect(world.peer("slow").waiting).toBe(0);
  });
});

describe("a topic of events", () => {
  test("is forgotten when nobody has used it for long, and not before", async () => {
    const world = new World();
    await world.settle(10);
    expect(world.topic.retire(-1)).toBe(false);
    const listener = world.listener("p");
    const line = world.topic.lineOf("p", "info");
    expect(world.topic.retire(1_000)).toBe(false);
    world.dies(listener);
    expect([world.topic.retire(1_000), line.isRetired]).toEqual([true, true]);
  });

  test("closed, fails what waits", async () => {
    const world = new World();
    world.listener("p", ["info"], 0);
    const log = world.emit();
    await world.settle();
    world.topic.close();
    expect(log.error?.code).toBe("ERR_CLOSED");
  });
});
