import { findProgram, freePorts } from "@trunkline/core/testing";
import { BrokerProcess, type BrokerSettings } from "./broker-process.js";
import { ControlChannel } from "./control-channel.js";
import { RabbitControl } from "./rabbit-control.js";
import type { TlsFiles } from "./tls-files.js";

/** Of {@link PrivateRabbit.start}. */
export interface PrivateRabbitOptions {
  /** Lines for `rabbitmq.conf`, which win over those of this class. @default none */
  readonly config?: string;
  /** Where the broker's private folder is made. @default the system's folder for temporary files */
  readonly folder?: string;
  /** A listener for TLS beside the plain one, which asks for a client certificate and does not insist. @default false */
  readonly tls?: boolean;
  /** With `tls`: a client may show its certificate instead of a password (EXTERNAL). @default false */
  readonly external?: boolean;
}

/** Debian's `/usr/sbin` wrapper insists on the system's own instance and user; the program behind it does not. */
const SERVERS: readonly string[] = ["/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server"];

const START_ATTEMPTS = 3;

/**
 * A RabbitMQ for tests, which they may kill, freeze and start again: on ports of 127.0.0.1 and in a folder of its own,
 * beside any other broker of the machine. It ends with this process, however that ends.
 *
 * It takes some five seconds to start. Tested with RabbitMQ 3.10.
 */
export class PrivateRabbit extends RabbitControl {
  readonly #broker: BrokerProcess;
  readonly #channel: ControlChannel;
  #isEnded = false;

  private constructor(broker: BrokerProcess, channel: ControlChannel) {
    super(broker.coordinates, channel);
    this.#broker = broker;
    this.#channel = channel;
  }

  /** The server's program, or undefined where RabbitMQ is not installed. */
  static findServer(): string | undefined {
    return findProgram(SERVERS);
  }

  /**
   * Starts a broker that nobody else knows; resolves when it takes connections. Its user is `guest`, with that password.
   * @throws Error where RabbitMQ is not installed, or does not start within a minute; with the end of its log.
   */
  static async start(options: PrivateRabbitOptions = {}): Promise<PrivateRabbit> {
    const server = PrivateRabbit.findServer();
    if (server === undefined) {
      throw new Error(`cannot start a RabbitMQ: none of ${SERVERS.join(", ")} is there; install rabbitmq-server`);
    }
    const { config = "", folder, tls = false, external = false } = options;
    const settings = { server, config, parentFolder: folder, tls, external };
    for (let attempt = 1; ; attempt++) {
      const broker = await BrokerProcess.create({ ...settings, ports: await pickPorts() });
      try {
        await broker.boot();
        return new PrivateRabbit(broker, await ControlChannel.open(broker.coordinates));
      } catch (error) {
        const wasPortTaken = /eaddrinuse|already in use/i.test(broker.log);
        await broker.end();
        // Another process may have taken one of the ports in the seconds until the broker asked for it.
        if (!wasPortTaken || attempt >= START_ATTEMPTS) throw error;
      }
    }
  }

  /** Of the listener for TLS; undefined without `tls`. */
  get tlsPort(): number | undefined {
    return this.#broker.tlsFiles === undefined ? undefined : this.#broker.ports.tls;
  }

  /** For clients of that listener; undefined without `tls`. */
  get tlsFiles(): TlsFiles | undefined {
    return this.#broker.tlsFiles;
  }

  /** The last 64 KiB of its log, over all its runs. */
  get log(): string {
    return this.#broker.log;
  }

  /** False once it was killed or stopped, until it is started again. */
  get isRunning(): boolean {
    return this.#broker.isRunning;
  }

  /**
   * SIGKILL: no connection is closed in peace, and what was not on disk is lost, such as a queue that was declared just now
   * ({@link flush}). Resolves when it is gone.
   */
  kill(): Promise<void> {
    return this.#broker.kill();
  }

  /** Stops it in peace: connections are closed, and what is durable is on disk. Resolves when it is gone. */
  stop(): Promise<void> {
    return this.#broker.stop();
  }

  /** Starts it again after {@link kill} or {@link stop}, which is done first where it runs: same ports, same data. */
  async restart(): Promise<void> {
    if (this.#isEnded) throw new Error("cannot restart this RabbitMQ: it was ended, and its data is removed");
    await this.#broker.stop();
    await this.#broker.boot();
    await this.#channel.ready();
  }

  /** SIGSTOP: its connections stay open and it does nothing, as a machine that hangs. Nor do its controls answer. */
  freeze(): void {
    this.#broker.freeze();
  }

  /** It goes on where it was frozen. */
  thaw(): void {
    this.#broker.thaw();
  }

  /** Ends it for good: no process and no file of it is left. Idempotent. */
  async end(): Promise<void> {
    this.#isEnded = true;
    await this.detach();
    await this.#broker.end();
  }
}

async function pickPorts(): Promise<BrokerSettings["ports"]> {
  const [amqp = 0, tls = 0, dist = 0, epmd = 0] = await freePorts(4);
  return { amqp, tls, dist, epmd };
}
