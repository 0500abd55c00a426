import { type Address, NotSupportedError, PRIORITIES } from "@trunkline/core/driver";
import { describe, expect, test } from "vitest";
import type { ArgumentValue, Source } from "../../src/topology/declarations.js";
import { NameRegistry } from "../../src/topology/name-registry.js";
import { OsloNaming, type OsloTopologyOptions } from "../../src/topology/oslo-naming.js";
import { OSLO_TOPOLOGY } from "../support/oslo-topology.js";

const ADDRESS: Address = { realm: "", exchange: "nova", topic: "compute" };
const SERVER: Address = { ...ADDRESS, server: "host1" };
const CALLS_TTL = { "x-expires": 1_800_000 };

const namingOf = (more: Partial<OsloTopologyOptions> = {}): OsloNaming =>
  new OsloNaming({ ...OSLO_TOPOLOGY, ...more }, new NameRegistry("rabbit"));

describe("the table of the page on the protocol", () => {
  const queue = (name: string, given: object = {}): object => ({
    name,
    durable: false,
    autoDelete: false,
    arguments: given,
  });
  const exchange = { name: "nova", type: "topic", durable: false, autoDelete: false };
  const fanout = { name: "compute_fanout", type: "fanout", durable: false, autoDelete: true };
  const plain = { isOwn: false, consumerArguments: {} };

  test("a server takes requests to its topic, to itself, and fanouts", () => {
    expect(namingOf().rpcSources(SERVER, "i1")).toEqual([
      { ...plain, kind: "rpc", scope: "topic", queue: queue("compute"), bindings: [{ exchange, key: "compute" }] },
      {
        ...plain,
        kind: "rpc",
        scope: "server",
        queue: queue("compute.host1"),
        bindings: [{ exchange, key: "compute.host1" }],
      },
      {
        ...plain,
        isOwn: true,
        kind: "fanout",
        scope: "fanout",
        queue: queue("compute_fanout_i1", CALLS_TTL),
        bindings: [{ exchange: fanout, key: "compute" }],
      },
    ]);
  });

  test("a listener takes from a queue for each priority, a pool from one", () => {
    const naming = namingOf();
    expect(naming.eventSources(ADDRESS, ["info", "error"], undefined)).toEqual(
      ["info", "error"].map((priority) => ({
        ...plain,
        kind: "event",
        scope: "topic",
        queue: queue(`compute.${priority}`),
        bindings: [{ exchange, key: `compute.${priority}` }],
      })),
    );
    expect(naming.eventSources(ADDRESS, ["info", "error"], "billing")).toEqual([
      {
        ...plain,
        kind: "event",
        scope: "topic",
        queue: queue("billing"),
        bindings: [
          { exchange, key: "compute.info" },
          { exchange, key: "compute.error" },
        ],
      },
    ]);
  });

  test("senders reach them", () => {
    const naming = namingOf();
    const request = { exchange, queues: [], isMandatory: true, isPersistent: true };
    expect(naming.callRoute(ADDRESS)).toEqual({ ...request, key: "compute", name: 'topic "compute"' });
    expect(naming.castRoute(ADDRESS)).toEqual(naming.callRoute(ADDRESS));
    expect(naming.callRoute(SERVER)).toEqual({
      ...request,
      key: "compute.host1",
      name: 'topic "compute" on server "host1"',
    });
    expect(naming.fanoutRoute({ ...ADDRESS, fanout: true })).toMatchObject({ exchange: fanout, isMandatory: false });
    const [{ queue: own, bindings } = { queue: undefined, bindings: [] }] = naming.eventSources(
      ADDRESS,
      ["warn"],
      undefined,
    );
    expect(naming.eventRoute(ADDRESS, "warn")).toMatchObject({
      exchange,
      key: "compute.warn",
      queues: [{ queue: own, bindings }],
      isMandatory: false,
    });
    expect(naming.queueRoute("reply_1", true)).toEqual({
      exchange: undefined,
      key: "reply_1",
      queues: [],
      isMandatory: true,
      isPersistent: true,
      name: 'queue "reply_1"',
    });
    expect(naming.inbox("i1")).toEqual(queue("reply_i1", CALLS_TTL));
  });
});

describe("options of oslo.messaging", () => {
  /** What one option makes of lasting and transient queues, exchanges and consumers. */
  const madeOf = (more: Partial<OsloTopologyOptions>): object => {
    const naming = namingOf(more);
    const [topic, , fanout] = naming.rpcSources(SERVER, "i1");
    const [events] = naming.eventSources(ADDRESS, ["info"], undefined);
    expect(events?.queue).toEqual({ ...topic?.queue, name: "compute.info" });
    expect(naming.inbox("i1")).toEqual({ ...fanout?.queue, name: "reply_i1" });
    const { name: _, ...lasting } = topic?.queue ?? { name: "" };
    const { name: __, ...transient } = fanout?.queue ?? { name: "" };
    const [exchange, fanouts] = [topic, fanout].map((source) => source?.bindings[0]?.exchange);
    return {
      lasting,
      transient,
      exchange: [exchange?.durable, exchange?.autoDelete],
      fanouts: [fanouts?.durable, fanouts?.autoDelete],
      consumer: topic?.consumerArguments,
    };
  };
  const lasting = { durable: false, autoDelete: false, arguments: {} };
  const transient = { durable: false, autoDelete: false, arguments: CALLS_TTL };
  const usual = { lasting, transient, exchange: [false, false], fanouts: [false, true], consumer: {} };

  test.each<[Partial<OsloTopologyOptions>, object]>([
    [{}, {}],
    [{ amqp_durable_queues: true }, { lasting: { ...lasting, durable: true }, exchange: [true, false] }],
    [{ amqp_auto_delete: true }, { lasting: { ...lasting, autoDelete: true }, exchange: [false, true] }],
    [
      { rabbit_ha_queues: true },
      {
        lasting: { ...lasting, arguments: { "x-ha-policy": "all" } },
        transient: { ...transient, arguments: { "x-ha-policy": "all", ...CALLS_TTL } },
      },
    ],
    [
      { rabbit_quorum_queue: true },
      { lasting: { ...lasting, durable: true, arguments: { "x-queue-type": "quorum" } }, exchange: [true, false] },
    ],
    [
      {
        rabbit_quorum_queue: true,
        rabbit_quorum_delivery_limit: 3,
        rabbit_quorum_max_memory_length: 4,
        rabbit_quorum_max_memory_bytes: 5,
      },
      {
        lasting: {
          durable: true,
          autoDelete: false,
          arguments: {
            "x-queue-type": "quorum",
            "x-delivery-limit": 3,
            "x-max-in-memory-length": 4,
            "x-max-in-memory-bytes": 5,
          },
        },
        exchange: [true, false],
      },
    ],
    [
      { rabbit_transient_quorum_queue: true },
      {
        transient: { durable: true, autoDelete: false, arguments: { ...CALLS_TTL, "x-queue-type": "quorum" } },
        fanouts: [true, true],
      },
    ],
    [{ rabbit_transient_queues_ttl: 60 }, { transient: { ...transient, arguments: { "x-expires": 60_000 } } }],
    [{ rabbit_transient_queues_ttl: 0 }, { transient: { ...transient, arguments: {} } }],
    [{ enable_cancel_on_failover: true }, { consumer: { "x-cancel-on-ha-failover": true } }],
  ])("%j", (options, difference) => {
    expect(madeOf(options)).toEqual({ ...usual, ...difference });
  });

  test("the queue manager numbers the queues of a process, which are its own no more", () => {
    const naming = namingOf({ use_queue_manager: true });
    expect(naming.inbox("ignored").name).toBe("reply_host1:nova:1");
    const fanouts = (instance: string): Source | undefined => naming.rpcSources(SERVER, instance)[2];
    expect(fanouts("ignored")).toMatchObject({ queue: { name: "compute_fanout_host1:nova:2" }, isOwn: false });
    expect(fanouts("ignored")?.queue.name).toBe("compute_fanout_host1:nova:3");
    const other = namingOf({ use_queue_manager: true, hostname: "h", processname: "p" });
    expect(other.inbox("ignored").name).toBe("reply_h:p:1");
    // Another transport of the process.
    expect(namingOf({ use_queue_manager: true }).inbox("ignored").name).toBe("reply_host1:nova:4");
  });

  test("each argument that is declared is decided by the option that is named for it", () => {
    // Of each option: so that the argument is there, and otherwise.
    const pairs: Readonly<Record<string, readonly [Partial<OsloTopologyOptions>, Partial<OsloTopologyOptions>]>> = {
      durable: [{}, { amqp_durable_queues: true }],
      auto_delete: [{}, { amqp_auto_delete: true }],
      "x-queue-type": [{}, { rabbit_quorum_queue: true }],
      "x-ha-policy": [{}, { rabbit_ha_queues: true }],
      "x-expires": [{}, { rabbit_transient_queues_ttl: 5 }],
      "x-delivery-limit": [{ rabbit_quorum_queue: true }, { rabbit_quorum_delivery_limit: 5 }],
      "x-max-in-memory-length": [{ rabbit_quorum_queue: true }, { rabbit_quorum_max_memory_length: 5 }],
      "x-max-in-memory-bytes": [{ rabbit_quorum_queue: true }, { rabbit_quorum_max_memory_bytes: 5 }],
    };
    const argumentOf = (options: Partial<OsloTopologyOptions>, name: string): ArgumentValue | undefined => {
      const naming = namingOf(options);
      const queue = name === "x-expires" ? naming.inbox("i") : naming.rpcSources(SERVER, "i")[0]?.queue;
      const { durable, autoDelete, arguments: given } = queue ?? naming.inbox("i");
      return { durable, auto_delete: autoDelete, ...given }[name];
    };
    for (const [name, [base, changed]] of Object.entries(pairs)) {
      expect(namingOf().optionOf(name), name).toBe(Object.keys(changed)[0]);
      expect(argumentOf({ ...base, ...changed }, name), name).not.toBe(argumentOf(base, name));
    }
    expect(namingOf().optionOf("x-max-priority")).toBeUndefined();
  });
});

describe("what the names cannot keep apart is refused before anything is declared", () => {
  const refused = (capability: string): unknown =>
    expect.objectContaining({ name: "NotSupportedError", capability, driver: "rabbit" });
  const at = (topic: string, server?: string, exchange = "nova"): Address => ({
    realm: "",
    exchange,
    topic,
    ...(server === undefined ? {} : { server }),
  });

  test("a topic on a second exchange, whatever for", () => {
    for (const first of [
      (naming: OsloNaming) => naming.callRoute(ADDRESS),
      (naming: OsloNaming) => naming.rpcSources(SERVER, "i"),
      (naming: OsloNaming) => naming.eventRoute(ADDRESS, "info"),
      (naming: OsloNaming) => naming.eventSources(ADDRESS, ["info"], "pool"),
      (naming: OsloNaming) => naming.fanoutRoute({ ...ADDRESS, fanout: true }),
    ]) {
      const naming = namingOf();
      first(naming);
      first(naming);
      const other = { ...ADDRESS, exchange: "cinder" };
      expect(() => naming.callRoute(other)).toThrow(refused("exchanges"));
      expect(() => naming.callRoute(other)).toThrow(/"compute" on exchange "cinder".*on exchange "nova"/);
      expect(() => naming.eventSources(other, ["info"], undefined)).toThrow(refused("exchanges"));
      expect(() => naming.fanoutRoute(other)).toThrow(refused("exchanges"));
      // Another topic may use the other exchange.
      expect(naming.callRoute({ ...other, topic: "volume" }).exchange?.name).toBe("cinder");
    }
  });

  test.each<[string, (naming: OsloNaming) => unknown, (naming: OsloNaming) => unknown]>([
    ["a server and a topic with a dot", (n) => n.callRoute(at("a", "b")), (n) => n.callRoute(at("a.b"))],
    ["the same, the other way about", (n) => n.rpcSources(at("a.b", "s"), "i"), (n) => n.rpcSources(at("a", "b"), "i")],
    ["two servers whose dots differ", (n) => n.castRoute(at("a", "b.c")), (n) => n.castRoute(at("a.b", "c"))],
    ["a pool and a topic", (n) => n.callRoute(at("a")), (n) => n.eventSources(at("b"), ["info"], "a")],
    ["a pool and a server", (n) => n.rpcSources(at("a", "s"), "i"), (n) => n.eventSources(at("b"), ["info"], "a.s")],
    [
      "a pool and events without one",
      (n) => n.eventRoute(at("a"), "info"),
      (n) => n.eventSources(at("a"), ["info"], "a.info"),
    ],
    [
      "an event's topic and a topic with a dot",
      (n) => n.eventSources(at("a.b"), ["info"], undefined),
      (n) => n.callRoute(at("a", "b.info")),
    ],
  ])("%s", (_, first, second) => {
    for (const [earlier, later] of [
      [first, second],
      [second, first],
    ] as const) {
      const naming = namingOf();
      let failure: unknown;
      try {
        earlier(naming);
        later(naming);
      } catch (error) {
        failure = error;
      }
      expect(failure).toBeInstanceOf(NotSupportedError);
      expect(failure).toEqual(refused("exactNames"));
    }
  });

  test.each(PRIORITIES)("a server or the last word of a topic that is called as a priority: %s", (priority) => {
    const naming = namingOf();
    expect(() => naming.callRoute(at("a", priority))).toThrow(refused("exactNames"));
    expect(() => naming.rpcSources(at("a", `b.${priority}`), "i")).toThrow(refused("exactNames"));
    expect(() => naming.callRoute(at(`a.${priority}`))).toThrow(refused("exactNames"));
    // Of one word alone no events can come there.
    expect(naming.callRoute(at(priority)).key).toBe(priority);
  });

  test.each(["*", "#", "a.*", "#.b", "a.*.b"])("a wildcard: %s", (name) => {
    for (const use of [
      (naming: OsloNaming) => naming.callRoute(at(name)),
      (naming: OsloNaming) => naming.castRoute(at("a", name)),
      (naming: OsloNaming) => naming.rpcSources(at("a", name), "i"),
      (naming: OsloNaming) => naming.fanoutRoute(at(name)),
      (naming: OsloNaming) => naming.eventRoute(at(name), "info"),
      (naming: OsloNaming) => naming.eventSources(at(name), ["info"], "pool"),
    ]) {
      expect(() => use(namingOf())).toThrow(refused("exactNames"));
      expect(() => use(namingOf())).toThrow("would be a wildcard in a binding");
    }
    // A pool is the name of a queue only.
    expect(namingOf().eventSources(ADDRESS, ["info"], name)[0]?.queue.name).toBe(name);
  });

  test.each(["a*", "#b", "a.b*", "**"])("what only looks like one is taken: %s", (name) => {
    expect(namingOf().callRoute(at(name)).key).toBe(name);
  });

  test.each(["amq.direct", "reply_1", "amq."])("a name of the broker's or of replies: %s", (name) => {
    expect(() => namingOf().callRoute(at(name))).toThrow(refused("exactNames"));
    expect(() => namingOf().callRoute(at("a", name))).toThrow(refused("exactNames"));
    expect(() => namingOf().eventSources(ADDRESS, ["info"], name)).toThrow(refused("exactNames"));
    expect(() => namingOf().eventRoute(at(name), "info")).toThrow(refused("exactNames"));
  });

  test("an exchange that is called as one for fanouts", () => {
    expect(() => namingOf().callRoute(at("a", undefined, "a_fanout"))).toThrow(refused("exactNames"));
    expect(() => namingOf().eventRoute(at("a", undefined, "x_fanout"), "info")).toThrow(refused("exactNames"));
  });

  test("a name that the broker would not take", () => {
    const longest = "x".repeat(255 - "_fanout_i".length);
    expect(namingOf().rpcSources(at(longest, "s"), "i")[2]?.queue.name).toHaveLength(255);
    expect(() => namingOf().rpcSources(at(`${longest}x`, "s"), "i")).toThrow(
      "a name of 256 bytes, where 255 are possible",
    );
    expect(() => namingOf().eventRoute(at("x".repeat(251)), "info")).toThrow(refused("exactNames"));
    expect(() => namingOf().rpcSources(at("a", "é".repeat(127)), "i")).toThrow(refused("exactNames"));
    // A sender's key is as long as the queue that it is meant for.
    expect(() => namingOf().callRoute(at("a", "x".repeat(254)))).toThrow(refused("exactNames"));
    expect(() => namingOf().castRoute(at("a", "é".repeat(127)))).toThrow(refused("exactNames"));
  });
});
