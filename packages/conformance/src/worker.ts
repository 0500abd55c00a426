/** A child process of the kit: opens a transport and does what the parent asks over IPC. Started by `Worker`. */
import { openTransport, type Transport } from "@trunkline/core";
import { History } from "./history.js";
import { eventProbe, rpcProbe } from "./probes.js";
import type { WorkerAnswer, WorkerCommand } from "./worker-handle.js";

const history = new History();
let opened: Transport | undefined;

function transport(): Transport {
  if (opened === undefined) throw new Error("the transport is not open yet");
  return opened;
}

async function obey(command: WorkerCommand): Promise<unknown> {
  switch (command.do) {
    case "open":
      opened = await openTransport(command.url, {
        callTimeoutMs: command.timeoutMs,
        sendTimeoutMs: command.timeoutMs,
        ...(command.resolveFrom === undefined ? {} : { resolveFrom: command.resolveFrom }),
      });
      return process.pid;
    case "serve":
      await transport().serve({ topic: command.topic, server: command.server }, rpcProbe(history, command.server));
      return null;
    case "listen":
      await transport().listen(
        [{ topic: command.topic }],
        eventProbe(history, "worker"),
        command.pool === undefined ? {} : { pool: command.pool },
      );
      return null;
    case "call":
    case "cast":
    case "fanout": {
      const client = transport().client({
        topic: command.topic,
        ...(command.server === undefined ? {} : { server: command.server }),
      });
      // Structured clone of a JSON object: what the parent sent is one.
      const params = command.params as Readonly<Record<string, string>>;
      if (command.do === "call") return client.call("echo", params);
      return command.do === "cast" ? client.cast("note", params) : client.fanout("note", params);
    }
    case "emit":
      return transport()
        .notifier({ publisherId: "worker", topics: [command.topic] })
        // As above: a JSON object.
        .info("worker.event", command.payload as Readonly<Record<string, string>>);
    case "seen":
      return history.handlings.map((handling) => handling.id);
    case "finish":
      await transport().close();
      return null;
  }
}

process.on("message", (message) => {
  // Only Worker writes to this channel.
  const { number, command } = message as { number: number; command: WorkerCommand };
  const answer = (ok: boolean, value: unknown): void => {
    const reply: WorkerAnswer = { number, ok, value };
    process.send?.(reply, () => {
      if (command.do === "finish") process.disconnect();
    });
  };
  obey(command).then(
    (value) => answer(true, value),
    (error: unknown) => answer(false, error instanceof Error ? `${error.name}: ${error.message}` : error),
  );
});
