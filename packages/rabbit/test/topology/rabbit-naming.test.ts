import { type Address, PRIORITIES } from "@trunkline/core/driver";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { QueueDeclaration } from "../../src/topology/declarations.js";
import {
  CONTROL_EXCHANGE,
  RABBIT_TOPOLOGY,
  RabbitNaming,
  type RabbitTopologyOptions,
} from "../../src/topology/rabbit-naming.js";
import { anyText } from "../wire/values.js";

const ADDRESS: Address = { realm: "", exchange: "E", topic: "T" };
const SERVER: Address = { ...ADDRESS, server: "S" };

const namingOf = (more: Partial<RabbitTopologyOptions> = {}): RabbitNaming =>
  new RabbitNaming({ ...RABBIT_TOPOLOGY, ...more });
const naming = namingOf();

/** Every queue that servers, listeners and senders of an address declare; fanouts and inboxes under one instance's name. */
function queuesOf(of: RabbitNaming, address: Address): QueueDeclaration[] {
  const { server: _, ...topic } = address;
  return [
    ...of.rpcSources({ ...topic, server: address.server ?? "S" }, "instance").map(({ queue }) => queue),
    ...of.eventSources(topic, PRIORITIES, undefined).map(({ queue }) => queue),
    ...of.eventSources(topic, PRIORITIES, "P").map(({ queue }) => queue),
    of.inbox("instance"),
  ];
}

describe("the table of the page on the protocol", () => {
  test("a server takes from five queues", () => {
    const calls = { "x-max-length": 100_000, "x-overflow": "reject-publish" };
    const casts = { "x-queue-type": "quorum", ...calls };
    const queue = (name: string, given: object): object => ({
      name,
      durable: true,
      autoDelete: false,
      arguments: given,
    });
    const plain = { bindings: [], isOwn: false, consumerArguments: {} };
    const fanout = { name: "trunkline.fanout.E.T", type: "fanout", durable: true, autoDelete: false };
    expect(naming.rpcSources(SERVER, "i1")).toEqual([
      { ...plain, kind: "call", scope: "topic", queue: queue("trunkline.call.E.T", calls) },
      { ...plain, kind: "cast", scope: "topic", queue: queue("trunkline.cast.E.T", casts) },
      { ...plain, kind: "call", scope: "server", queue: queue("trunkline.call.E.T.S", calls) },
      { ...plain, kind: "cast", scope: "server", queue: queue("trunkline.cast.E.T.S", casts) },
      {
        kind: "fanout",
        scope: "fanout",
        isOwn: true,
        consumerArguments: {},
        bindings: [{ exchange: fanout, key: "" }],
        queue: queue("trunkline.fanout.E.T.i1", {
          "x-max-length": 10_000,
          "x-overflow": "reject-publish",
          "x-expires": 600_000,
        }),
      },
    ]);
  });

  test("a listener takes from one queue for each priority, of its pool or of nobody's", () => {
    const [info, error, ...none] = naming.eventSources(ADDRESS, ["info", "error"], undefined);
    expect(none).toEqual([]);
    expect(info).toEqual({
      kind: "event",
      scope: "topic",
      isOwn: false,
      consumerArguments: {},
      queue: {
        name: "trunkline.event.E.T.info",
        durable: true,
        autoDelete: false,
        arguments: { "x-queue-type": "quorum", "x-max-length": 1_000_000, "x-overflow": "reject-publish" },
      },
      bindings: [
        { exchange: { name: "trunkline.events.E.T", type: "direct", durable: true, autoDelete: false }, key: "info" },
      ],
    });
    expect([error?.queue.name, error?.bindings[0]?.key]).toEqual(["trunkline.event.E.T.error", "error"]);
    const [pooled] = naming.eventSources(ADDRESS, ["info"], "P");
    expect(pooled).toEqual({ ...info, queue: { ...info?.queue, name: "trunkline.event.E.T.info.P" } });
  });

  test("the inbox, a delay, and what servers are reached by", () => {
    expect(naming.inbox("i1")).toEqual({
      name: "trunkline.inbox.i1",
      durable: true,
      autoDelete: false,
      arguments: { "x-expires": 600_000 },
    });
    expect(naming.delayQueue("trunkline.event.E.T.info", 500)).toEqual({
      name: "trunkline.delay-500.trunkline=2eevent=2eE=2eT=2einfo",
      durable: true,
      autoDelete: false,
      arguments: {
        "x-queue-type": "quorum",
        "x-message-ttl": 500,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": "trunkline.event.E.T.info",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
        "x-expires": 60_500,
      },
    });
    expect(naming.controlKey(SERVER)).toBe("E.T");
    expect(naming.sharedQueue(SERVER)).toEqual(naming.rpcSources(SERVER, "i")[0]?.queue);
    expect(CONTROL_EXCHANGE).toEqual({ name: "trunkline.control", type: "direct", durable: true, autoDelete: false });
  });

  test("a delay is never longer than the broker takes", () => {
    for (const delayMs of [2 ** 32, 1e15]) {
      const { name, arguments: given } = naming.delayQueue("q", delayMs);
      expect(given["x-expires"]).toBe(2 ** 32 - 1);
      expect(given["x-message-ttl"]).toBe(2 ** 32 - 1 - 60_000);
      expect(name).toBe(`trunkline.delay-${given["x-message-ttl"]}.q`);
    }
  });
});

describe("senders reach what servers and listeners declare", () => {
  test("calls, casts and what is given back go to a queue by its name", () => {
    const [topicCalls, topicCasts, serverCalls, serverCasts] = naming
      .rpcSources(SERVER, "i")
      .map(({ queue }) => queue.name);
    const common = { exchange: undefined, queues: [], isMandatory: true };
    expect(naming.callRoute(ADDRESS)).toEqual({ ...common, key: topicCalls, isPersistent: false, name: 'topic "T"' });
    expect(naming.castRoute(ADDRESS)).toEqual({ ...common, key: topicCasts, isPersistent: true, name: 'topic "T"' });
    expect(naming.callRoute(SERVER)).toMatchObject({ key: serverCalls, name: 'topic "T" on server "S"' });
    expect(naming.castRoute(SERVER)).toMatchObject({ key: serverCasts, isPersistent: true });
    expect(naming.queueRoute("q", false)).toEqual({ ...common, key: "q", isPersistent: false, name: 'queue "q"' });
  });

  test("a fanout goes to the exchange that servers bind to, and to nobody is no error", () => {
    const fanout = naming.rpcSources(SERVER, "i").find(({ kind }) => kind === "fanout");
    expect(naming.fanoutRoute({ ...ADDRESS, fanout: true })).toEqual({
      exchange: fanout?.bindings[0]?.exchange,
      key: "",
      queues: [],
      isMandatory: false,
      isPersistent: true,
      name: 'every server of topic "T"',
    });
  });

  test("an event's sender declares the queue of those without a pool, unless it is told not to", () => {
    const [{ queue, bindings } = { queue: undefined, bindings: [] }] = naming.eventSources(
      ADDRESS,
      ["warn"],
      undefined,
    );
    expect(naming.eventRoute(ADDRESS, "warn")).toEqual({
      exchange: bindings[0]?.exchange,
      key: "warn",
      queues: [{ queue, bindings }],
      isMandatory: false,
      isPersistent: true,
      name: 'events of topic "T"',
    });
    expect(namingOf({ keepsUnclaimedEvents: false }).eventRoute(ADDRESS, "warn").queues).toEqual([]);
  });
});

describe("an option that changes a queue changes its name", () => {
  test.each<[Partial<RabbitTopologyOptions>, Readonly<Record<string, string>>]>([
    [{ quorum: true }, { "trunkline.call.E.T": "trunkline.call-quorum.E.T" }],
    [
      { maxLength: 500 },
      { "trunkline.call.E.T": "trunkline.call-max500.E.T", "trunkline.cast.E.T": "trunkline.cast-max500.E.T" },
    ],
    [{ maxEvents: 500 }, { "trunkline.event.E.T.info": "trunkline.event-max500.E.T.info" }],
    [
      { expiresMs: 60_000 },
      {
        "trunkline.call.E.T": "trunkline.call-expires60000.E.T",
        "trunkline.cast.E.T": "trunkline.cast-expires60000.E.T",
        "trunkline.event.E.T.info": "trunkline.event-expires60000.E.T.info",
      },
    ],
    [
      { quorum: true, maxLength: 5, expiresMs: 9 },
      {
        "trunkline.call.E.T": "trunkline.call-quorum-max5-expires9.E.T",
        "trunkline.cast.E.T": "trunkline.cast-max5-expires9.E.T",
        "trunkline.event.E.T.info": "trunkline.event-expires9.E.T.info",
      },
    ],
  ])("%j", (options, renamed) => {
    const names = (of: RabbitNaming): Set<string> => new Set(queuesOf(of, SERVER).map(({ name }) => name));
    const before = names(naming);
    const after = names(namingOf(options));
    for (const [old, now] of Object.entries(renamed)) {
      expect([before.has(old), after.has(old), after.has(now)], `${old} → ${now}`).toEqual([true, false, true]);
    }
    const kept = ["trunkline.call.E.T", "trunkline.cast.E.T", "trunkline.event.E.T.info"].filter(
      (name) => !(name in renamed),
    );
    for (const name of kept) expect(after.has(name), name).toBe(true);
  });

  test("whatever two processes are told, one name never has two declarations (406)", () => {
    const options = fc.record({
      quorum: fc.boolean(),
      maxLength: fc.constantFrom(1, 500, 100_000, 2 ** 31 - 1),
      maxEvents: fc.constantFrom(1, 500, 1_000_000, 2 ** 31 - 1),
      expiresMs: fc.constantFrom(0, 500, 60_000),
      keepsUnclaimedEvents: fc.boolean(),
    });
    fc.assert(
      fc.property(options, options, (mine, theirs) => {
        const known = new Map(queuesOf(namingOf(mine), SERVER).map((queue) => [queue.name, queue]));
        for (const queue of queuesOf(namingOf(theirs), SERVER)) {
          expect(known.get(queue.name) ?? queue).toEqual(queue);
        }
      }),
    );
  });
});

describe("names (A5)", () => {
  const name = fc.oneof(
    anyText(120).filter((text) => text !== ""),
    fc.constantFrom(
      "a",
      "a.b",
      "b",
      "info",
      "P",
      "=2e",
      "a=2eb",
      "*",
      "#",
      "amq.x",
      "T_fanout",
      "x".repeat(255),
      "é".repeat(127),
    ),
  );
  const address = fc.record({ realm: fc.constant(""), exchange: name, topic: name, server: name });

  test("different addresses have different queues and exchanges", () => {
    const all = (of: Address, pool: string): readonly string[] => {
      const { server: _, ...topic } = of;
      const sources = [...naming.rpcSources(of, "i"), ...naming.eventSources(topic, PRIORITIES, pool)];
      return sources.flatMap(({ kind, scope, queue, bindings }) => [
        // What differs by nothing but a server or a pool shares the rest.
        ...(scope === "server" || kind === "event" ? [queue.name] : []),
        ...(scope === "topic" && kind !== "event" ? [queue.name] : []),
        ...bindings.map(({ exchange }) => exchange.name),
      ]);
    };
    fc.assert(
      fc.property(address, address, name, (one, other, pool) => {
        const isSameTopic = one.exchange === other.exchange && one.topic === other.topic;
        fc.pre(!isSameTopic);
        const names = new Set(all(one, pool));
        expect(all(other, pool).filter((taken) => names.has(taken))).toEqual([]);
      }),
    );
  });

  test("a server and a pool have queues of their own", () => {
    fc.assert(
      fc.property(address, name, name, (of, server, pool) => {
        fc.pre(server !== of.server);
        const mine = naming.rpcSources(of, "i").filter(({ scope }) => scope === "server");
        const theirs = naming.rpcSources({ ...of, server }, "i");
        const names = new Set(theirs.map(({ queue }) => queue.name));
        expect(mine.filter(({ queue }) => names.has(queue.name))).toEqual([]);
        const [pooled] = naming.eventSources(of, ["info"], pool);
        const [unpooled] = naming.eventSources(of, ["info"], undefined);
        expect(pooled?.queue.name).not.toBe(unpooled?.queue.name);
      }),
    );
  });

  test("words that mean something elsewhere mean nothing here", () => {
    const { key } = naming.callRoute({ realm: "", exchange: "*", topic: "#", server: "a.b" });
    expect(key).toBe("trunkline.call.=2a.=23.a=2eb");
    expect(naming.callRoute({ realm: "", exchange: "*", topic: "#.a", server: "b" }).key).not.toBe(key);
  });

  test("every name fits 255 bytes, whatever the names and options", () => {
    const long = { quorum: true, maxLength: 2 ** 31 - 1, maxEvents: 2 ** 31 - 1, expiresMs: 2 ** 31 - 1 };
    fc.assert(
      fc.property(fc.constantFrom("x".repeat(255), "é".repeat(127), "a.".repeat(127)), (longest) => {
        const of = namingOf(long);
        const whole: Address = { realm: "", exchange: longest, topic: longest, server: longest };
        const instance = "0776be0a-e558-4fe7-8c90-7dc9be27bedf";
        const queues = [
          ...of.rpcSources(whole, instance).map(({ queue }) => queue),
          ...of.eventSources(whole, PRIORITIES, longest).map(({ queue }) => queue),
          of.inbox(instance),
        ];
        const delays = queues.map(({ name: queue }) => of.delayQueue(queue, 2 ** 31 - 1));
        const tooLong = [...queues, ...delays].filter((queue) => Buffer.byteLength(queue.name) > 255);
        expect(tooLong).toEqual([]);
        expect(Buffer.byteLength(of.controlKey(whole))).toBeLessThanOrEqual(255);
        expect(new Set(delays.map((queue) => queue.name)).size).toBe(delays.length);
      }),
    );
  });
});
