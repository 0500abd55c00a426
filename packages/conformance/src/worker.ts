/** A child process of the kit: opens a transport and does what the parent asks over IPC. Started by `Worker`. */
import { openTransport, type Transport } from "@trunkline/core";
import { History } from "./history.js";
import { eventProbe, rpcProbe } from "./probes.js";
import type { WorkerAnswer, WorkerCommand } from "./worker-handle.js";

/** What runs in the child: one transport, and a record of what its servers and listeners handled. */
class WorkerProcess {
  readonly #history = new History(() => this.#tellWaiters());
  readonly #waiters = new Map<string, () => void>();
  #transport: Transport | undefined;

  async obey(command: WorkerCommand): Promise<unknown> {
    switch (command.do) {
      case "open":
        this.#transport = await openTransport(command.url, {
          callTimeoutMs: command.timeoutMs,
          sendTimeoutMs: command.timeoutMs,
          ...(command.resolveFrom === undefined ? {} : { resolveFrom: command.resolveFrom }),
        });
        return process.pid;
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
      case "finish":
        await this.#transport?.close();
        return null;
    }
  }

  #send({ kind, topic, server, params }: Extract<WorkerCommand, { do: "send" }>): Promise<unknown> {
    const client = this.#open().client({ topic, ...(server === undefined ? {} : { server }) });
    if (kind === "call") return client.call("echo", params);
    return kind === "cast" ? client.cast("note", params) : client.fanout("note", params);
  }

  #tellWaiters(): void {
    for (const [id, resolve] of this.#waiters) if (this.#history.countOf(id) > 0) resolve();
  }

  #open(): Transport {
    if (this.#transport === undefined) throw new Error("the transport is not open yet");
    return this.#transport;
  }
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
        if (command.do === "finish") process.disconnect();
      });
    };
    worker.obey(command).then(
      (value) => answer(true, value),
      (error: unknown) => answer(false, error instanceof Error ? `${error.name}: ${error.message}` : error),
    );
  });
}

start();
