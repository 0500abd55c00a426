import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { findProgram, freePorts, ServiceProcess, until } from "@trunkline/core/testing";

/** Where `redis-server` is; undefined where it is not installed. */
export function findRedis(): string | undefined {
  return findProgram(["redis-server"]);
}

/** A Redis for one run of tests, on a free port of this machine, which keeps nothing. */
export class PrivateRedis {
  readonly port: number;
  readonly process: ServiceProcess;

  private constructor(port: number, process: ServiceProcess) {
    this.port = port;
    this.process = process;
  }

  /** Resolves when it takes connections. */
  static async start(): Promise<PrivateRedis> {
    const [port = 0] = await freePorts(1);
    const redis = new PrivateRedis(port, await ServiceProcess.create("redis"));
    await redis.restart();
    return redis;
  }

  /** Where it is not running. @throws Error where it is not installed. */
  async restart(): Promise<void> {
    const command = findRedis();
    if (command === undefined) throw new Error("redis-server is not installed: apt-get install redis-server");
    const args = ["--port", String(this.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    await this.process.start({ command, args });
    await until(() => answers(this.port), { what: "redis-server to take connections" });
  }

  /** Says one command, and resolves with what came back, as it is on the wire. */
  command(...words: readonly string[]): Promise<string> {
    const socket = connect({ host: "127.0.0.1", port: this.port });
    socket.end(`${words.join(" ")}\r\n`);
    return text(socket);
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    const end = (isThere: boolean) => () => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once("connect", end(true)).once("error", end(false));
  });
}
