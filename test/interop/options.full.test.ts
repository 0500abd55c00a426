import { ListenError, MessagingError, REQUEUE, type Transport } from "@trunkline/core";
import { until } from "@trunkline/core/testing";
import { expect, test } from "vitest";
import { interop } from "../support/oslo-peer.js";
import { tap } from "./support/by-hand.js";
import { fresh, type PythonSide, WITHIN } from "./support/python-side.js";
import { RecordingEndpoint } from "./support/recording-endpoint.js";
import { RecordingListener } from "./support/recording-listener.js";
import { type SharedOptions, sidesForTests } from "./support/sides.js";

const sides = sidesForTests();

interface Setup {
  readonly ours: SharedOptions;
  readonly python: SharedOptions;
  /** The broker keeps an exchange as it was declared first, so that each has its own. */
  readonly exchange: string;
}

const both = (options: SharedOptions): Pick<Setup, "ours" | "python"> => ({ ours: options, python: options });

const SETUPS: Readonly<Record<string, Setup>> = {
  "amqp_durable_queues=true": { ...both({ amqp_durable_queues: true }), exchange: "durable" },
  "rabbit_quorum_queue=true": { ...both({ rabbit_quorum_queue: true }), exchange: "quorum" },
  "rabbit_quorum_queue=true and its limits": {
    ours: { rabbit_quorum_queue: true, rabbit_quorum_delivery_limit: 5, rabbit_quorum_max_memory_length: 100 },
    // As this release spells it.
    python: { rabbit_quorum_queue: true, rabbit_quorum_delivery_limit: 5, rabbit_quroum_max_memory_length: 100 },
    exchange: "limits",
  },
  "amqp_auto_delete=true": { ...both({ amqp_auto_delete: true }), exchange: "fleeting" },
  "rabbit_ha_queues=true": { ...both({ rabbit_ha_queues: true }), exchange: "mirrored" },
  "kombu_compression=gzip": { ...both({ kombu_compression: "gzip" }), exchange: "openstack" },
  "kombu_compression=gzip here only": { ours: { kombu_compression: "gzip" }, python: {}, exchange: "openstack" },
  "kombu_compression=gzip there only": { ours: {}, python: { kombu_compression: "gzip" }, exchange: "openstack" },
  "many options at once": {
    ...both({
      amqp_durable_queues: true,
      rabbit_transient_queues_ttl: 60,
      rabbit_qos_prefetch_count: 1,
      enable_cancel_on_failover: true,
      direct_mandatory_flag: false,
      kombu_compression: "gzip",
      rabbit_login_method: "PLAIN",
    }),
    exchange: "many",
  },
};

interface Both {
  readonly ours: Transport;
  readonly python: PythonSide;
}

/** What must be so under each set of options. */
const CHECKS: Readonly<Record<string, (both: Both) => Promise<void>>> = {
  async call({ ours, python }) {
    const topic = fresh("compute");
    await python.serve({ topic, server: "theirs" });
    await ours.serve({ topic, server: "ours" }, new RecordingEndpoint());
    const value = { text: "žluť 🐎".repeat(1_000), deep: [{ a: null }] };
    for (const server of ["theirs", "ours"]) {
      expect(await ours.client({ topic, server }).call("echo", { value })).toEqual(value);
      expect(await python.call({ topic, server }, "echo", { value })).toEqual(value);
    }
    for (let n = 0; n < 4; n++) {
      expect(await ours.client({ topic }).call("echo", { value: n })).toBe(n);
      expect(await python.call({ topic }, "echo", { value: n })).toBe(n);
    }
  },

  async cast({ ours, python }) {
    const topic = fresh("compute");
    const theirs = await python.serve({ topic, server: "theirs" });
    const endpoint = new RecordingEndpoint();
    await ours.serve({ topic, server: "ours" }, endpoint);
    await ours.client({ topic }).cast("note", { n: 1 });
    await python.cast({ topic }, "note", { n: 2 });
    await until(() => theirs.handled("note").length + endpoint.handled("note").length === 2, WITHIN);
  },

  async fanout({ ours, python }) {
    const topic = fresh("compute");
    const theirs = await python.serve({ topic, server: "theirs" });
    const endpoint = new RecordingEndpoint();
    await ours.serve({ topic, server: "ours" }, endpoint);
    await ours.client({ topic }).fanout("note", { n: 1 });
    await python.fanout({ topic }, "note", { n: 2 });
    expect((await theirs.sees(2, "note")).map(({ args }) => args["n"]).toSorted()).toEqual([1, 2]);
    expect((await endpoint.sees(2, "note")).map(({ params }) => params["n"]).toSorted()).toEqual([1, 2]);
  },

  async "directed call"({ ours, python }) {
    const topic = fresh("volume");
    await python.serve({ topic, server: "host1@backend" }, [{ label: "python" }]);
    await ours.serve({ topic, server: "host1@lvm" }, new RecordingEndpoint("ours"));
    for (const [server, who] of [
      ["host1@backend", "python"],
      ["host1@lvm", "ours"],
    ] as const) {
      expect(await ours.client({ topic, server }).call("whoami")).toBe(who);
      expect(await python.call({ topic, server }, "whoami")).toBe(who);
    }
  },

  async error({ ours, python }) {
    const topic = fresh("compute");
    await python.serve({ topic, server: "theirs" });
    const fail = (): never => {
      throw new RangeError("bad");
    };
    await ours.serve({ topic, server: "ours" }, { fail });
    const error = { class: "ValueError", args: ["bad"] };
    await expect(ours.client({ topic, server: "theirs" }).call("fail", { error })).rejects.toMatchObject({
      type: "ValueError",
    });
    expect(await python.raises(python.call({ topic, server: "ours" }, "fail"))).toMatchObject({ type: "ValueError" });
  },

  async notification({ ours, python }) {
    const topic = fresh("events");
    await ours.notifier({ publisherId: "ours", topics: [topic] }).warn("early", 1);
    await python.notify({ priority: "warn", event_type: "early", payload: 2, topics: [topic] });
    const listener = new RecordingListener();
    await ours.listen([{ topic }], listener.endpoint);
    expect((await listener.sees(2)).map(({ event }) => event.payload).toSorted()).toEqual([1, 2]);
    const later = fresh("events");
    const theirs = await python.listen({ targets: [{ topic: later }] });
    await ours.notifier({ publisherId: "ours", topics: [later] }).warn("e", 1);
    await python.notify({ priority: "warn", event_type: "e", payload: 2, topics: [later] });
    expect((await theirs.sees(2)).map(({ payload }) => payload).toSorted()).toEqual([1, 2]);
  },

  async pool({ ours, python }) {
    const [topic, pool] = [fresh("events"), fresh("pool")];
    const [inPool, alone] = [new RecordingListener(), new RecordingListener()];
    const theirs = await python.listen({ targets: [{ topic }], pool });
    await ours.listen([{ topic }], inPool.endpoint, { pool });
    await ours.listen([{ topic }], alone.endpoint);
    for (let n = 0; n < 10; n++) await ours.notifier({ publisherId: "ours", topics: [topic] }).info("tick", n);
    await python.notify({ priority: "info", event_type: "tick", payload: 10, topics: [topic], times: 10 });
    await alone.sees(20);
    await until(() => inPool.seen.length + theirs.notified().length === 20, WITHIN);
    expect(Math.min(inPool.seen.length, theirs.notified().length)).toBeGreaterThan(0);
  },

  async requeue({ ours, python }) {
    const topic = fresh("events");
    const theirs = await python.listen({ targets: [{ topic }], requeues: true, requeue: 2, pool: fresh("theirs") });
    const listener = new RecordingListener(({ call }) => (call.attempt < 3 ? REQUEUE : undefined));
    await ours.listen([{ topic }], listener.endpoint, { pool: fresh("ours"), requeueDelayMs: 0 });
    await ours.notifier({ publisherId: "ours", topics: [topic] }).info("again", 1);
    await theirs.sees(3);
    await listener.sees(3);
    expect(listener.seen.map(({ call }) => call.attempt)).toEqual([1, 2, 3]);
  },
};

const CASES = Object.keys(SETUPS).flatMap((setup) => Object.keys(CHECKS).map((check) => [setup, check] as const));

/** Both sides under these options, until the test is over. */
async function open({ ours, python, exchange }: Setup): Promise<Both> {
  return {
    ours: await sides.open(ours, { exchange }),
    python: await sides.openPython({ options: python, defaults: { control_exchange: exchange } }),
  };
}

function setupOf(name: string): Setup {
  const setup = SETUPS[name];
  if (setup === undefined) throw new Error(`there is no setup ${name}`);
  return setup;
}

/** A queue that either side declares, and the option by which they differ. */
const MISMATCHES: readonly (readonly [name: string, python: SharedOptions, ours: SharedOptions, told: RegExp])[] = [
  [
    "durable there and not here",
    { amqp_durable_queues: true },
    {},
    /with durable '?true'?; this process declares it with durable=false, auto_delete=false: set amqp_durable_queues in the URL/,
  ],
  [
    "durable here and not there",
    {},
    { amqp_durable_queues: true },
    /with durable '?false'?; this process declares it with durable=true, auto_delete=false: set amqp_durable_queues in the URL/,
  ],
  [
    "deleted by itself there and not here",
    { amqp_auto_delete: true },
    {},
    /auto_delete .*: set amqp_auto_delete in the URL/,
  ],
  [
    "quorum there and classic here",
    { rabbit_quorum_queue: true },
    { amqp_durable_queues: true },
    /x-queue-type .*: set rabbit_quorum_queue in the URL/,
  ],
];

interop("options that both sides have", { timeout: 60_000 }, () => {
  test.each(CASES)("%s: %s", async (setup, check) => {
    await CHECKS[check]?.(await open(setupOf(setup)));
  });

  test.each([
    ["amqp_durable_queues=true", { durable: true, type: "classic" }, { durable: true }],
    ["rabbit_quorum_queue=true", { durable: true, type: "quorum" }, { durable: true }],
    ["amqp_auto_delete=true", { durable: false, autoDelete: true }, { autoDelete: true }],
  ])("with %s, what ours declares first is what Python would have declared", async (name, queue, exchange) => {
    const setup = setupOf(name);
    const { ours, python } = await open(setup);
    const topic = fresh("compute");
    await ours.serve({ topic, server: "s" }, new RecordingEndpoint());
    const { control, vhost } = sides.rabbit;
    const queues = (await control.queues(vhost)).filter((one) => one.name === topic || one.name === `${topic}.s`);
    expect(queues).toMatchObject([queue, queue]);
    expect((await control.exchanges(vhost)).find((one) => one.name === setup.exchange)).toMatchObject(exchange);
    const [fanout] = (await control.queues(vhost)).filter((one) => one.name.startsWith(`${topic}_fanout_`));
    expect(fanout).toMatchObject({ durable: false, autoDelete: false, arguments: { "x-expires": 1_800_000 } });
    // Python declares all of it again, and would fail on a difference.
    await python.serve({ topic, server: "s" });
  });

  test.each(MISMATCHES)("a topic that is %s: serve says what to set", async (_name, python, ours, told) => {
    const [topic, exchange] = [fresh("compute"), fresh("exchange")];
    const theirs = await sides.openPython({ options: python, defaults: { control_exchange: exchange } });
    await theirs.serve({ topic, server: "theirs" });
    const transport = await sides.open(ours, { exchange });
    const error: unknown = await transport
      .serve({ topic, server: "ours" }, new RecordingEndpoint())
      .catch((one: unknown) => one);
    expect(error).toBeInstanceOf(ListenError);
    expect(error).toHaveProperty("message", expect.stringContaining(`the queue "${topic}" exists at rabbit `));
    expect(error).toHaveProperty("message", expect.stringMatching(told));
    // The transport is none the worse, and the peer not at all.
    expect(await theirs.call({ topic }, "echo", { value: 1 })).toBe(1);
    await transport.serve({ topic: fresh("own"), server: "s", exchange: fresh("own") }, new RecordingEndpoint());
  });

  test("a topic of Python's durable exchange: our call says what to set", async () => {
    const [topic, exchange] = [fresh("compute"), fresh("exchange")];
    const options = { amqp_durable_queues: true };
    const theirs = await sides.openPython({ options, defaults: { control_exchange: exchange } });
    await theirs.serve({ topic, server: "theirs" });
    const transport = await sides.open({}, { exchange });
    const error: unknown = await transport
      .client({ topic })
      .call("echo", { value: 1 })
      .catch((one: unknown) => one);
    expect(error).toBeInstanceOf(MessagingError);
    expect(error).toHaveProperty(
      "message",
      expect.stringMatching(new RegExp(`exchange "${exchange}".*amqp_durable_queues`)),
    );
  });

  test.each([
    ["ours", "gzip"],
    ["python", "gzip"],
    ["ours", "none"],
    ["python", "none"],
  ])("what goes over the wire of %s with kombu_compression=%s", async (who, compression) => {
    const topic = fresh("tapped");
    const options: SharedOptions = compression === "none" ? {} : { kombu_compression: compression };
    const { ours, python } = await open({ ...both(options), exchange: "openstack" });
    const copies = await tap(sides, { exchange: "openstack", key: topic });
    if (who === "ours") await ours.client({ topic }).cast("note", { n: 1 });
    else await python.cast({ topic }, "note", { n: 1 });
    const message = await copies.next();
    expect(message).toMatchObject({
      contentType: "application/json",
      contentEncoding: "utf-8",
      properties: { delivery_mode: 2, priority: 0 },
    });
    // A zlib stream, whatever its name says.
    if (compression === "none") expect(message.body).toMatch(/^\{"oslo.version": ?"2.0"/);
    else expect(message.body.charCodeAt(0)).toBe(0x78);
    expect(message.headers["compression"]).toBe(compression === "none" ? undefined : "application/x-gzip");
  });

  test("this release of oslo.messaging does not have the newer options of ours", async () => {
    const known = await sides.peer.ask<string[]>("options");
    const newer = ["rabbit_transient_quorum_queue", "rabbit_stream_fanout", "use_queue_manager"];
    expect(known.filter((option) => newer.includes(option))).toEqual([]);
    expect(known).toContain("rabbit_quroum_max_memory_length");
  });
});
