import { ConnectionLostError, MessagingError, type RpcClient, TimeoutError } from "@trunkline/core";
import { until } from "@trunkline/core/testing";
import { expect, onTestFinished, test } from "vitest";
import { interop, PeerRaised } from "../support/oslo-peer.js";
import { fresh, type PythonServer, WITHIN } from "./support/python-side.js";
import { RecordingEndpoint } from "./support/recording-endpoint.js";
import { sidesForTests } from "./support/sides.js";

const sides = sidesForTests({ options: { kombu_reconnect_delay: 0.1, rabbit_retry_interval: 1 } });

/** Of a test with traffic: so many calls are on their way at any time. */
const WORKERS = 4;

interop("failures between the two", { timeout: 120_000 }, () => {
  test("a Python client that is killed amid its call holds up nobody at our server", async () => {
    const topic = fresh("killed");
    const endpoint = new RecordingEndpoint();
    await sides.serve({ topic, server: "s" }, endpoint, { concurrency: 2 });
    const peer = await sides.startPeer();
    const python = await sides.openPython({}, peer);
    const lost = expect(python.call({ topic }, "hold", { key: "k" })).rejects.toThrow("has ended");
    await endpoint.sees(1, "hold");
    await peer.kill();
    await lost;
    endpoint.release("k");
    for (let n = 0; n < 20; n++) expect(await sides.python.call({ topic }, "echo", { value: n })).toBe(n);
  });

  test("a reply queue that has vanished holds up nobody at our server", async () => {
    const topic = fresh("vanished");
    const transport = await sides.open();
    const endpoint = new RecordingEndpoint();
    await transport.serve({ topic, server: "s" }, endpoint, { concurrency: 1 });
    const before = await replyQueues();
    const peer = await sides.startPeer();
    const python = await sides.openPython({}, peer);
    const lost = python.call({ topic }, "hold", { key: "k" }, { timeout: 3 }).catch(() => {});
    await endpoint.sees(1, "hold");
    const [queue] = (await replyQueues()).filter((name) => !before.includes(name));
    await peer.kill();
    await lost;
    await sides.rabbit.control.deleteQueue(sides.rabbit.vhost, queue ?? "");
    endpoint.release("k");
    const others = Array.from({ length: 20 }, (_, n) => sides.python.call({ topic }, "echo", { value: n }));
    expect(await Promise.all(others)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    await until(() => transport.stats().counters["repliesLost"] === 1, WITHIN);
  });

  test("our client that leaves amid its call holds up nobody at a Python server", async () => {
    const topic = fresh("left");
    const server = await sides.python.serve({ topic, server: "s" });
    const transport = await sides.open();
    const key = fresh("key");
    const call = transport.client({ topic }).call("hold", { key });
    const ended = expect(call).rejects.toBeInstanceOf(MessagingError);
    await server.sees(1, "hold");
    await transport.close();
    await ended;
    await sides.python.release(key);
    for (let n = 0; n < 20; n++) expect(await sides.ours.client({ topic }).call("echo", { value: n })).toBe(n);
  });

  // oslo.messaging 14.0.3 acknowledges and drops what arrives while its server leaves; its own clients lose it likewise.
  test("a Python server that is restarted in peace amid our calls loses what came as it left, and nothing runs twice", async () => {
    const topic = fresh("restarted");
    const servers = [await sides.python.serve({ topic, server: "s" })];
    const traffic = new Traffic(sides.ours.client({ topic }, { timeoutMs: 2_000 }));
    const restarts = 3;
    for (let time = 0; time < restarts; time++) {
      const enough = traffic.answered + 30;
      await until(() => traffic.answered >= enough, WITHIN);
      await servers.at(-1)?.stop();
      servers.push(await sides.python.serve({ topic, server: "s" }));
    }
    const enough = traffic.answered + 30;
    await until(() => traffic.answered >= enough, WITHIN);
    await traffic.stop();
    expect(traffic.failures.length).toBeLessThanOrEqual(WORKERS * restarts);
    for (const failure of traffic.failures) expect(failure).toBeInstanceOf(TimeoutError);
    const values = valuesOf(servers);
    expect(values).toHaveLength(traffic.answered);
    expect(new Set(values).size).toBe(values.length);
  });

  test("a Python server that is killed amid our calls loses what it held, and no more", async () => {
    const topic = fresh("killed");
    const first = await sides.startPeer();
    const killed = await (await sides.openPython({}, first)).serve({ topic, server: "s" });
    const client = sides.ours.client({ topic }, { timeoutMs: 3_000 });
    const traffic = new Traffic(client);
    const held = expect(client.call("hold", { key: "for ever" })).rejects.toBeInstanceOf(TimeoutError);
    await killed.sees(1, "hold");
    await until(() => traffic.answered >= 50, WITHIN);
    await first.kill();
    const second = await sides.python.serve({ topic, server: "s" });
    const enough = traffic.answered + 50;
    await until(() => traffic.answered >= enough, WITHIN);
    await traffic.stop();
    await held;
    expect(traffic.failures.length).toBeLessThanOrEqual(WORKERS);
    for (const failure of traffic.failures) expect(failure).toBeInstanceOf(TimeoutError);
    const values = valuesOf([killed, second]);
    expect(new Set(values).size).toBe(values.length);
  });

  test("our server that is restarted amid Python's calls fails none, and none runs twice", async () => {
    const topic = fresh("restarted");
    const endpoint = new RecordingEndpoint();
    let server = await sides.ours.serve({ topic, server: "s" }, endpoint);
    let isOver = false;
    let answered = 0;
    const failures: unknown[] = [];
    const worker = async (which: number): Promise<void> => {
      for (let n = 0; !isOver; n++) {
        const value = `${which}-${n}`;
        try {
          expect(await sides.python.call({ topic }, "echo", { value })).toBe(value);
          answered++;
        } catch (error) {
          failures.push(error);
        }
      }
    };
    const workers = Array.from({ length: WORKERS }, (_, which) => worker(which));
    onTestFinished(() => {
      isOver = true;
    });
    for (let time = 0; time < 3; time++) {
      const enough = answered + 30;
      await until(() => answered >= enough, WITHIN);
      await server.stop();
      server = await sides.ours.serve({ topic, server: "s" }, endpoint);
    }
    const enough = answered + 30;
    await until(() => answered >= enough, WITHIN);
    isOver = true;
    await Promise.all(workers);
    await server.stop();
    expect(failures).toEqual([]);
    const values = endpoint.handled("echo").map(({ params }) => params["value"]);
    expect(values).toHaveLength(answered);
    expect(new Set(values).size).toBe(answered);
  });

  test("both find each other again after the broker has cut all connections", async () => {
    const topic = fresh("cut");
    const endpoint = new RecordingEndpoint();
    await sides.python.serve({ topic, server: "theirs" });
    await sides.serve({ topic, server: "ours" }, endpoint);
    const client = sides.ours.client({ topic, server: "theirs" });
    expect(await client.call("echo", { value: 1 })).toBe(1);
    expect(await sides.python.call({ topic, server: "ours" }, "echo", { value: 1 })).toBe(1);
    const held = client.call("hold", { key: "cut" }, { timeoutMs: 30_000 });
    await until(
      () =>
        sides.peer.seen("handled", { method: "hold" }).some(({ args }) => Reflect.get(Object(args), "key") === "cut"),
      WITHIN,
    );
    expect(await sides.rabbit.control.closeConnections(sides.rabbit.vhost)).toBeGreaterThan(3);
    await sides.python.release("cut");
    // Its reply queue is the same one afterwards, so that even the reply to it comes; or else its outcome is not known.
    expect(await held.catch((error: unknown) => error)).toSatisfy(
      (outcome) => outcome === "cut" || (outcome instanceof ConnectionLostError && outcome.mayHaveRun),
    );
    await until(async () => (await client.call("echo", { value: 2 }, { timeoutMs: 2_000 })) === 2, WITHIN);
    await until(
      async () => (await sides.python.call({ topic, server: "ours" }, "echo", { value: 2 }, { timeout: 2 })) === 2,
      WITHIN,
    );
    await until(async () => {
      const before = endpoint.handled("note").length;
      await sides.ours.client({ topic }).fanout("note", {});
      await until(() => endpoint.handled("note").length > before, { withinMs: 500 });
      return true;
    }, WITHIN);
  });

  test("a call of Python to a server of ours that leaves with its handler running ends in an error, not in silence", async () => {
    const topic = fresh("left");
    const endpoint = new RecordingEndpoint();
    const server = await sides.ours.serve({ topic, server: "s" }, endpoint, { drainTimeoutMs: 200 });
    const call = sides.python.call({ topic }, "hold", { key: "k" }, { timeout: 30 });
    const raised = call.catch((error: unknown) => error);
    await endpoint.sees(1, "hold");
    await server.stop();
    const error = await raised;
    expect(error).toBeInstanceOf(PeerRaised);
    expect(error).toMatchObject({ raised: { type: "RemoteError", exc_type: "ConnectionLostError" } });
    endpoint.release("k");
  });

  async function replyQueues(): Promise<string[]> {
    const queues = await sides.rabbit.control.queues(sides.rabbit.vhost);
    return queues.map(({ name }) => name).filter((name) => name.startsWith("reply_"));
  }
});

/** What Python servers were asked to echo, in order. */
function valuesOf(servers: readonly PythonServer[]): number[] {
  const handled = servers.flatMap((server) => server.handled("echo"));
  return handled.map(({ args }) => Number(args["value"])).toSorted((a, b) => a - b);
}

/** Some workers that call, each one call after another, with a number of its own each. */
class Traffic {
  readonly failures: unknown[] = [];
  answered = 0;
  readonly #client: RpcClient;
  readonly #workers: readonly Promise<void>[];
  #next = 0;
  #isOver = false;

  constructor(client: RpcClient) {
    this.#client = client;
    this.#workers = Array.from({ length: WORKERS }, () => this.#work());
    onTestFinished(() => this.stop());
  }

  /** Resolves when the last ones are answered. */
  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#workers);
  }

  async #work(): Promise<void> {
    while (!this.#isOver) {
      const value = this.#next++;
      try {
        expect(await this.#client.call("echo", { value })).toBe(value);
        this.answered++;
      } catch (error) {
        this.failures.push(error);
      }
    }
  }
}
