/** A system under measurement: its server's and its client's process. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const WORKER = fileURLToPath(new URL("./worker.mjs", import.meta.url));

/** The child's next message. Rejects when it reports an error, or ends without a word. */
function answer(child, name) {
  return new Promise((resolve, reject) => {
    const settle = (error, message) => {
      child.off("message", onMessage);
      child.off("exit", onExit);
      if (error === undefined) resolve(message);
      else reject(error);
    };
    const onMessage = (message) =>
      settle(message.error === undefined ? undefined : new Error(`${name}: ${message.error}`), message);
    const onExit = (code, signal) => settle(new Error(`${name}: its process ended with ${signal ?? code}`));
    child.on("message", onMessage);
    child.on("exit", onExit);
  });
}

export class SystemProcesses {
  constructor(name) {
    this.name = name;
  }

  async start() {
    this.server = fork(WORKER, ["server", this.name], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    const { address } = await answer(this.server, this.name);
    const args = ["client", this.name, JSON.stringify(address)];
    this.client = fork(WORKER, args, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    await answer(this.client, this.name);
  }

  /** One slice: rate, latency in ms, and the CPU time of both processes for each operation, with their threads; of what runs beside, the rate. */
  async measure(column) {
    const serverBefore = await this.#ask(this.server, { do: "cpu" });
    const { result, spentUs } = await this.#ask(this.client, { do: "measure", column });
    const serverAfter = await this.#ask(this.server, { do: "cpu" });
    const cpuUs = spentUs + serverAfter.cpuUs - serverBefore.cpuUs;
    return {
      rate: (result.count / result.ms) * 1000,
      cpuUs: cpuUs / Math.max(1, result.count),
      besideRate: (result.besideCount / result.ms) * 1000,
      p50: result.p50,
      p99: result.p99,
    };
  }

  async stop() {
    for (const child of [this.client, this.server]) {
      if (child === undefined || child.exitCode !== null) continue;
      const ended = once(child, "exit");
      const timer = setTimeout(() => child.kill("SIGKILL"), 3_000);
      child.send({ do: "end" }, () => {});
      await ended;
      clearTimeout(timer);
    }
  }

  #ask(child, message) {
    const answered = answer(child, this.name);
    child.send(message);
    return answered;
  }
}
