/** A child process of the kit: opens a transport and does what the parent asks over IPC. Started by `Worker`. */
import { openTransport, type RpcServer, type Transport } from "@trunkline/core";
import { History } from "./history.js";
import { eventProbe, rpcProbe } from "./probes.js";
import type { WorkerAnswer, WorkerCommand } from "./worker-handle.js";

/** What runs in the child: one transport, and a record of what its servers and listeners handled. */
class WorkerProcess {
  readonly #history = new History(() => this.#tellWaiters());
  readonly #waiters = new Map<string, () => void>();
  #transport: Transport | undefined;
  #openAnother: () => Promise<Transport> = () => Promise.reject(new Error("nothing was opened yet"));

  async obey(command: WorkerCommand): Promise<unknown> {
    switch (command.do) {
      case "open":
        this.#openAnother = () =>
          openTransport(command.url, {
            callTimeoutMs: command.timeoutMs,
            sendTimeoutMs: command.timeoutMs,
            drainTimeoutMs: command.timeoutMs,
            ...(command.resolveFrom === undefined ? {} : { resolveFrom: command.resolveFrom }),
          });
        this.#transport = await this.#openAnother();
        return process.pid;
      case "churn":
        return churn(this.#openAnother, command.topic);
      case "serve": {
        const held = rpcProbe(this.#history, command.server, forEver);
        const endpoint = { ...rpcProbe(this.#history, command.server), hold: held.note };
        await this.#open().serve({ topic: command.topic, server: command.server }, endpoint);
        return null;
      }
      case "listen": {
        const endpoint = eventProbe(this.#history, "worker", ["info"], command.isHeld === true ? forEver : undefined);
        const options = command.pool === undefined ? {} : { pool: command.pool };
        await this.#open().listen([{ topic: command.topic }], endpoint, options);
        return null;
      }
      case "send":
        return this.#send(command);
      case "emit":
        return this.#open()
          .notifier({ publisherId: "worker", topics: [command.topic] })
          .info("worker.event", command.payload);
      case "wait":
        await new Promise<void>((resolve) => {
          this.#waiters.set(command.id, resolve);
          this.#tellWaiters();
        });
        return null;
      case "seen":
        return this.#history.handlings.map((handling) => handling.id);
      case "leave":
        return null;
      case "exit":
        return process.exit(command.code);
      case "finish":
        await this.#transport?.close();
        return null;
    }
  }

  #send({
    kind,
    method = kind === "call" ? "echo" : "note",
    topic,
    server,
    params,
  }: Extract<WorkerCommand, { do: "send" }>): Promise<unknown> {
    const client = this.#open().client({ topic, ...(server === undefined ? {} : { server }) });
    if (kind === "call") return client.call(method, params);
    return kind === "cast" ? client.cast(method, params) : client.fanout(method, params);
  }

  #tellWaiters(): void {
    for (const [id, resolve] of this.#waiters) if (this.#history.countOf(id) > 0) resolve();
  }

  #open(): Transport {
    if (this.#transport === undefined) throw new Error("the transport is not open yet");
    return this.#transport;
  }
}

/** Servers that come and go on one transport, then transports that replace each other while calls keep coming. */
async function churn(open: () => Promise<Transport>, topic: string): Promise<number> {
  const endpoint = { echo: (params: object) => params, note: () => {} };
  let answered = 0;
  const [host, sender] = [await open(), await open()];
  const client = sender.client({ topic });
  for (let round = 0; round < 20; round++) {
    const server = await host.serve({ topic, server: "s1" }, endpoint);
    await client.call("echo", { round });
    answered++;
    await client.cast("note", { round });
    await server.stop();
  }
  const serve = async (server: string): Promise<{ host: Transport; server: RpcServer }> => {
    const next = await open();
    return { host: next, server: await next.serve({ topic, server }, endpoint) };
  };
  let [first, second] = [await serve("s2"), await serve("s3")];
  for (let turn = 0; turn < 4; turn++) {
    const calls = Array.from({ length: 40 }, () => client.call("echo"));
    const leaving = first.server.stop().then(() => first.host.close());
    answered += (await Promise.all(calls)).length;
    await leaving;
    [first, second] = [second, await serve(`s${turn + 4}`)];
  }
  await Promise.all([host, sender, first.host, second.host].map((transport) => transport.close()));
  return answered;
}

/** A handler that is still at work when its process is killed. */
function forEver(): Promise<never> {
  return new Promise(() => {});
}

function start(): void {
  const worker = new WorkerProcess();
  process.on("message", (message) => {
    // Only Worker writes to this channel.
    const { number, command } = message as { number: number; command: WorkerCommand };
    const answer = (ok: boolean, value: unknown): void => {
      const reply: WorkerAnswer = { number, ok, value };
      process.send?.(reply, undefined, undefined, () => {
        if (command.do === "finish" || command.do === "leave") process.disconnect();
      });
    };
    worker.obey(command).then(
      (value) => answer(true, value),
      (error: unknown) => answer(false, error instanceof Error ? `${error.name}: ${error.message}` : error),
    );
  });
}

start();
