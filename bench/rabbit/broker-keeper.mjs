/**
 * The process that keeps the bench's private RabbitMQ: it starts it in a temp folder on free ports of the loopback address,
 * says its URL, and ends it when the bench closes file descriptor 3. That happens however the bench ends, so no broker stays.
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "amqplib";
import { freePort } from "../systems/free-port.mjs";
import { serveLines } from "./lines.mjs";

const READY_WITHIN_MS = 60_000;
/** What Linux counts a process's CPU time in, for every program that reads /proc. */
const CLOCK_TICK_US = 10_000;

/** Debian's /usr/sbin wrapper insists on the system's own instance and user; the program behind it does not. */
function findServer() {
  const onPath = (process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "rabbitmq-server"));
  for (const path of ["/usr/lib/rabbitmq/bin/rabbitmq-server", ...onPath]) {
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not there; the next place may have it
    }
  }
  throw new Error(
    "there is no rabbitmq-server: `npm run brokers -- install rabbit`, or name a broker in TRUNKLINE_TEST_RABBIT_URL",
  );
}

async function environment(folder) {
  const port = await freePort();
  return {
    port,
    env: {
      ...process.env,
      HOME: folder, // the Erlang cookie is made there
      // The script becomes the Erlang VM, so that the child's pid is that of what uses the CPU.
      RUNNING_UNDER_SYSTEMD: "true",
      RABBITMQ_NODENAME: `trunkline-bench-${process.pid}@localhost`,
      RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_DIST_PORT: String(await freePort()),
      RABBITMQ_MNESIA_BASE: join(folder, "data"),
      RABBITMQ_LOG_BASE: join(folder, "log"),
      RABBITMQ_CONF_ENV_FILE: join(folder, "no-env.conf"),
      RABBITMQ_CONFIG_FILE: join(folder, "no-rabbitmq.conf"),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "enabled_plugins"),
      ERL_EPMD_PORT: String(await freePort()),
      ERL_EPMD_ADDRESS: "127.0.0.1",
      // Else epmd refuses to end while it believes that the node lives.
      ERL_EPMD_RELAXED_COMMAND_CHECK: "1",
    },
  };
}

function startServer(folder, env) {
  writeFileSync(join(folder, "enabled_plugins"), "[].\n");
  const log = openSync(join(folder, "output.log"), "a");
  return spawn(findServer(), [], { cwd: folder, detached: true, env, stdio: ["ignore", log, log] });
}

/** The port accepts a moment before the broker answers, so only an AMQP handshake counts. */
async function untilReady(server, url, folder) {
  const until = performance.now() + READY_WITHIN_MS;
  while (performance.now() < until && server.exitCode === null && server.signalCode === null) {
    try {
      const connection = await connect(url);
      const { version } = connection.connection.serverProperties;
      await connection.close();
      return version;
    } catch {
      await delay(100);
    }
  }
  const tail = readFileSync(join(folder, "output.log"), "utf8").trim().split("\n").slice(-5).join("\n");
  throw new Error(`rabbitmq-server did not start within ${READY_WITHIN_MS / 1000} s:\n${tail}`);
}

/** Its data goes with the folder, so it need not shut down in order. */
async function end(server, env, folder) {
  server.removeAllListeners("exit");
  const ended = server.exitCode === null && server.signalCode === null ? once(server, "exit") : undefined;
  try {
    process.kill(-server.pid, "SIGKILL");
  } catch {
    // its group is gone already
  }
  await ended;
  try {
    execFileSync("epmd", ["-kill"], { env, stdio: "ignore", timeout: 5_000 });
  } catch {
    // it was never started, or ended by itself
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}

function cpuUs(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1).split(" ");
    return (Number(fields[11]) + Number(fields[12])) * CLOCK_TICK_US;
  } catch {
    return null;
  }
}

const folder = mkdtempSync(join(tmpdir(), "trunkline-bench-rabbit-"));
const { port, env } = await environment(folder);
const url = `amqp://guest:guest@127.0.0.1:${port}`;
let server;
await serveLines({
  start: async () => {
    server = startServer(folder, env);
    const version = await untilReady(server, url, folder);
    server.once("exit", (code, signal) => {
      process.stderr.write(`Error: rabbitmq-server ended with ${signal ?? code}\n`);
      void end(server, env, folder).then(() => process.exit(1));
    });
    return { url, version };
  },
  answer: async () => ({ cpuUs: cpuUs(server.pid) }),
  end: () => (server?.pid === undefined ? rmSync(folder, { recursive: true }) : end(server, env, folder)),
});
