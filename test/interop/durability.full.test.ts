import { openTransport, type Transport } from "@trunkline/core";
import { until } from "@trunkline/core/testing";
import { driver } from "@trunkline/rabbit";
import { expect, onTestFinished, test } from "vitest";
import { interop, OsloPeer } from "../support/oslo-peer.js";
import { privateRabbitForTests } from "../support/rabbit.js";
import { fresh, PythonSide } from "./support/python-side.js";
import { RecordingEndpoint } from "./support/recording-endpoint.js";
import { RecordingListener } from "./support/recording-listener.js";

const own = privateRabbitForTests();

/** Of the broker that comes back, connections are made again at once. */
const SOON = { kombu_reconnect_delay: 0.1, rabbit_retry_interval: 1, rabbit_retry_backoff: 1, rabbit_interval_max: 1 };
const BACK_WITHIN = { withinMs: 60_000 };

interop("a broker that dies between the two", { timeout: 180_000 }, () => {
  test.each([
    ["amqp_durable_queues", "kill"],
    // RabbitMQ 3.10 as a single node finds no leader any more for a quorum queue that is killed moments after its making.
    ["rabbit_quorum_queue", "stop"],
  ] as const)("with %s, what it had confirmed reaches the other side after its %s and restart", async (option, end) => {
    const { ours, python } = await open({ [option]: true }, option);
    const [topic, events] = [fresh("kept"), fresh("kept")];
    // The queues are there, and nobody listens.
    await (await python.serve({ topic, server: "theirs" })).stop();
    await (await ours.serve({ topic, server: "ours" }, new RecordingEndpoint())).stop();
    await ours.client({ topic, server: "theirs" }).cast("note", { n: 1 });
    await python.cast({ topic, server: "ours" }, "note", { n: 2 });
    await ours.notifier({ publisherId: "ours", topics: [events] }).info("kept", 3);
    await python.notify({ priority: "error", event_type: "kept", payload: 4, topics: [events] });
    expect(ours.capabilities.acceptance).toEqual({ casts: "durable", events: "durable" });

    await own.broker[end]();
    await own.broker.restart();

    const endpoint = new RecordingEndpoint();
    const listener = new RecordingListener(undefined, ["error"]);
    const [theirs, heard] = await Promise.all([
      python.serve({ topic, server: "theirs" }),
      python.listen({ targets: [{ topic: events }], priorities: ["info"] }),
      ours.serve({ topic, server: "ours" }, endpoint),
      ours.listen([{ topic: events }], listener.endpoint),
    ]);
    expect((await theirs.sees(1, "note"))[0]?.args).toEqual({ n: 1 });
    expect((await endpoint.sees(1, "note"))[0]?.params).toEqual({ n: 2 });
    expect((await heard.sees(1))[0]?.payload).toBe(3);
    expect((await listener.sees(1))[0]?.event.payload).toBe(4);
  });

  test("servers, listeners and clients of both are there again after its restart, by themselves", async () => {
    const { ours, python } = await open({}, "openstack");
    const [topic, events] = [fresh("again"), fresh("again")];
    const endpoint = new RecordingEndpoint();
    const listener = new RecordingListener();
    const theirs = await python.serve({ topic, server: "theirs" });
    await ours.serve({ topic, server: "ours" }, endpoint);
    const heard = await python.listen({ targets: [{ topic: events }], pool: fresh("pool") });
    await ours.listen([{ topic: events }], listener.endpoint);
    expect(await ours.client({ topic, server: "theirs" }).call("echo", { value: 1 })).toBe(1);
    expect(await python.call({ topic, server: "ours" }, "echo", { value: 1 })).toBe(1);

    await own.broker.kill();
    await own.broker.restart();

    const answers = async (call: () => Promise<unknown>): Promise<void> => {
      await until(async () => (await call()) === 2, BACK_WITHIN);
    };
    await answers(() => ours.client({ topic, server: "theirs" }).call("echo", { value: 2 }, { timeoutMs: 2_000 }));
    await answers(() => python.call({ topic, server: "ours" }, "echo", { value: 2 }, { timeout: 2 }));
    const fanned = async (): Promise<boolean> => {
      await ours.client({ topic }).fanout("note");
      await until(() => theirs.handled("note").length > 0 && endpoint.handled("note").length > 0, { withinMs: 1_000 });
      return true;
    };
    await until(fanned, BACK_WITHIN);
    const told = async (): Promise<boolean> => {
      await ours.notifier({ publisherId: "ours", topics: [events] }).info("again");
      await until(() => heard.notified().length > 0 && listener.seen.length > 0, { withinMs: 1_000 });
      return true;
    };
    await until(told, BACK_WITHIN);
  });

  async function open(
    options: object,
    exchange: string,
  ): Promise<{ readonly ours: Transport; readonly python: PythonSide }> {
    const peer = await OsloPeer.start();
    onTestFinished(() => peer.kill());
    const query = { ...SOON, ...options };
    const url = own.broker.url({ scheme: "rabbit+oslo", query });
    const ours = await openTransport(url, { drivers: [driver], exchange });
    onTestFinished(() => ours.close());
    const python = await PythonSide.open(peer, {
      url: own.broker.url(),
      options: query,
      defaults: { control_exchange: exchange },
    });
    return { ours, python };
  }
});
