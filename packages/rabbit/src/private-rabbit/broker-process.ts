import { randomBytes } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ServiceCommand, ServiceProcess, until } from "@trunkline/core/testing";
import { greets } from "./amqp-greeting.js";
import { cleanEnvironment } from "./clean-environment.js";
import type { RabbitCoordinates } from "./rabbit-control.js";
import { makeTlsFiles, type ServerTlsFiles } from "./tls-files.js";

/** Of {@link BrokerProcess.create}. */
export interface BrokerSettings {
  /** The server's program. */
  readonly server: string;
  readonly ports: BrokerPorts;
  readonly config: string;
  readonly parentFolder: string | undefined;
  readonly tls: boolean;
  readonly external: boolean;
}

/** All on 127.0.0.1. */
export interface BrokerPorts {
  readonly amqp: number;
  readonly tls: number;
  /** Between Erlang nodes. */
  readonly dist: number;
  /** Of Erlang's name server. */
  readonly epmd: number;
}

const HOST = "127.0.0.1";
const READY_WITHIN_MS = 60_000;
const STOPPED_WITHIN_MS = 30_000;
/** Where a start fails, the reason stands above a long crash report. */
const LOG_LINES_TOLD = 100;

/**
 * Erlang's name server runs in the broker's group, and so ends with it. It must be there first: one that a node starts for
 * itself would outlive it.
 */
const LAUNCH = `
epmd -port "$ERL_EPMD_PORT" -address ${HOST} &
until epmd -port "$ERL_EPMD_PORT" -names >/dev/null 2>&1; do sleep 0.02; done
exec "$0"
`;

/** One RabbitMQ on this machine: its folder with settings, data and secret, its process, and whether it takes connections. */
export class BrokerProcess {
  readonly coordinates: RabbitCoordinates;
  readonly ports: BrokerPorts;
  readonly tlsFiles: ServerTlsFiles | undefined;
  readonly #service: ServiceProcess;
  readonly #command: ServiceCommand;

  private constructor(
    service: ServiceProcess,
    { server, ports }: BrokerSettings,
    node: string,
    tlsFiles: ServerTlsFiles | undefined,
  ) {
    this.#service = service;
    this.ports = ports;
    this.tlsFiles = tlsFiles;
    this.coordinates = { host: HOST, port: ports.amqp, node, epmdPort: ports.epmd, home: service.folder };
    const env = environment(service.folder, ports, node);
    this.#command = { command: "/bin/sh", args: ["-c", LAUNCH, server], env };
  }

  /** Writes all that the broker needs into a private folder, and starts nothing. */
  static async create(settings: BrokerSettings): Promise<BrokerProcess> {
    const { parentFolder } = settings;
    const service = await ServiceProcess.create("rabbit", parentFolder === undefined ? {} : { parentFolder });
    try {
      const { folder } = service;
      const tlsFiles = settings.tls ? await writeTlsFiles(folder) : undefined;
      // Whoever knows it controls the broker.
      await writeFile(join(folder, ".erlang.cookie"), randomBytes(16).toString("hex"), { mode: 0o400 });
      await writeFile(join(folder, "rabbitmq.conf"), configuration(settings, tlsFiles));
      await writeFile(join(folder, "plugins"), settings.external ? "[rabbitmq_auth_mechanism_ssl].\n" : "[].\n");
      return new BrokerProcess(service, settings, `trunkline-${randomBytes(4).toString("hex")}@localhost`, tlsFiles);
    } catch (error) {
      await service.end();
      throw error;
    }
  }

  get isRunning(): boolean {
    return this.#service.isRunning;
  }

  /** The last of its log, over all its runs. */
  get log(): string {
    return this.#service.output;
  }

  /**
   * Starts it; resolves when it greets AMQP clients.
   * @throws Error with the end of its log, where it ends before that or does not within 60 s.
   */
  async boot(): Promise<void> {
    await this.#service.start(this.#command);
    const { amqp, tls } = this.ports;
    const state = await until(
      async () => {
        if (!this.#service.isRunning) return "ended";
        return (await greets(HOST, amqp)) && (this.tlsFiles === undefined || (await greets(HOST, tls, true)));
      },
      { withinMs: READY_WITHIN_MS },
    ).catch(() => "silent");
    if (state === "ended") throw this.#error("ended while it started");
    if (state === "silent") throw this.#error(`did not take connections within ${READY_WITHIN_MS} ms`);
  }

  /** SIGKILL. */
  kill(): Promise<void> {
    return this.#service.kill();
  }

  /**
   * Lets it end in peace: what is durable is on disk.
   * @throws Error with the end of its log, where it does not within 30 s; it is killed then.
   */
  async stop(): Promise<void> {
    if (!this.isRunning) return;
    await this.#service.terminate({ withinMs: STOPPED_WITHIN_MS });
    const { code, signal } = await this.#service.exited;
    if (code !== 0) throw this.#error(`did not stop in peace (${signal ?? `exit ${code}`})`);
  }

  freeze(): void {
    this.#service.freeze();
  }

  thaw(): void {
    this.#service.thaw();
  }

  /** Kills it, and removes its folder. Idempotent. */
  end(): Promise<void> {
    return this.#service.end();
  }

  #error(what: string): Error {
    return new Error(
      `RabbitMQ on port ${this.ports.amqp} ${what}; the end of its log:\n${this.#service.outputTail(LOG_LINES_TOLD)}`,
    );
  }
}

function environment(folder: string, ports: BrokerPorts, node: string): Record<string, string | undefined> {
  return {
    ...cleanEnvironment(),
    HOME: folder,
    // The shell that starts the node makes way for it, so that a signal to the process is one to the node.
    RUNNING_UNDER_SYSTEMD: "true",
    ERL_EPMD_PORT: String(ports.epmd),
    ERL_AFLAGS: "-start_epmd false",
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-kernel inet_dist_use_interface {127,0,0,1}",
    RABBITMQ_NODENAME: node,
    RABBITMQ_NODE_IP_ADDRESS: HOST,
    RABBITMQ_NODE_PORT: String(ports.amqp),
    RABBITMQ_DIST_PORT: String(ports.dist),
    RABBITMQ_LOGS: "-",
    ERL_CRASH_DUMP_SECONDS: "0",
    // Each of these is the system's own unless it is named.
    RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, "no-advanced.config"),
    RABBITMQ_CONF_ENV_FILE: join(folder, "no-environment.conf"),
    RABBITMQ_CONFIG_FILE: join(folder, "rabbitmq.conf"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "plugins"),
    RABBITMQ_GENERATED_CONFIG_DIR: join(folder, "config"),
    RABBITMQ_LOG_BASE: join(folder, "log"),
    RABBITMQ_MNESIA_BASE: join(folder, "data"),
    RABBITMQ_SCHEMA_DIR: join(folder, "schema"),
  };
}

function configuration({ ports, external, config }: BrokerSettings, tls: ServerTlsFiles | undefined): string {
  // On a disk that is nearly full the broker would block all who publish, and tests would hang.
  const lines = ["disk_free_limit.absolute = 1MB"];
  if (tls !== undefined) {
    lines.push(
      `listeners.ssl.1 = ${HOST}:${ports.tls}`,
      `ssl_options.cacertfile = ${tls.ca}`,
      `ssl_options.certfile = ${tls.serverCert}`,
      `ssl_options.keyfile = ${tls.serverKey}`,
      "ssl_options.verify = verify_peer",
      "ssl_options.fail_if_no_peer_cert = false",
    );
  }
  if (external) {
    lines.push("ssl_cert_login_from = common_name");
    lines.push(...["PLAIN", "AMQPLAIN", "EXTERNAL"].map((name, index) => `auth_mechanisms.${index + 1} = ${name}`));
  }
  return `${[...lines, config].join("\n")}\n`;
}

async function writeTlsFiles(folder: string): Promise<ServerTlsFiles> {
  const path = join(folder, "tls");
  await mkdir(path);
  return makeTlsFiles(path);
}
