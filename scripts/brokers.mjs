/**
 * The brokers that tests of broker-backed drivers use: private instances of this checkout's user, on ports of their own,
 * with their data and pid files in one temp folder; and `oslo` and `pyzmq`, the Python libraries that tests talk to. Tests install
 * nothing, and start brokers of their own; where one is not installed they say what to run.
 *
 *   npm run brokers -- status|install [rabbit redis nats oslo pyzmq]
 *   npm run brokers -- start|stop [rabbit redis nats]
 */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { run } from "./processes.mjs";

const FOLDER = join(tmpdir(), `trunkline-brokers-${userInfo().username}`);
const READY_WITHIN_MS = 60_000;
const STOPPED_WITHIN_MS = 20_000;
const POLICY = "/usr/sbin/policy-rc.d";

const BROKERS = {
  rabbit: {
    port: 35_672,
    aptPackage: "rabbitmq-server",
    // Debian's /usr/sbin wrapper insists on the system's own instance and user; the program behind it does not.
    programs: ["/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server"],
    args: () => [],
    env: (folder, port) => ({
      HOME: folder, // the Erlang cookie is made there
      RABBITMQ_NODENAME: "trunkline@localhost",
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_DIST_PORT: String(port + 1),
      ERL_EPMD_PORT: String(port + 2),
      RABBITMQ_MNESIA_BASE: join(folder, "data"),
      RABBITMQ_LOG_BASE: join(folder, "log"),
      RABBITMQ_CONF_ENV_FILE: join(folder, "no-env.conf"),
      RABBITMQ_CONFIG_FILE: join(folder, "no-rabbitmq.conf"),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "enabled_plugins"),
    }),
    // The name server that Erlang starts beside the node stays behind unless it is told.
    afterStop: (env) => execFileSync("epmd", ["-kill"], { env: { ...process.env, ...env }, stdio: "ignore" }),
  },
  redis: {
    port: 36_379,
    aptPackage: "redis-server",
    programs: ["redis-server"],
    args: (folder, port) => ["--port", String(port), "--bind", "127.0.0.1", "--dir", folder, "--save", ""],
  },
  nats: {
    port: 34_222,
    aptPackage: "nats-server",
    programs: ["nats-server"],
    args: (folder, port) => ["--addr", "127.0.0.1", "--port", String(port), "--jetstream", "--store_dir", folder],
  },
};

/** What is no server: a library of the system's Python, which Debian's packages are for, whatever `python3` is on PATH. */
const LIBRARIES = {
  oslo: { aptPackage: "python3-oslo.messaging", python: "/usr/bin/python3", module: "oslo_messaging" },
  pyzmq: { aptPackage: "python3-zmq", python: "/usr/bin/python3", module: "zmq" },
};

const NAMES = [...Object.keys(BROKERS), ...Object.keys(LIBRARIES)];

/** Resolves with the exit code. */
export async function brokers([action = "status", ...names]) {
  const actions = { status, install, start, stop };
  // Only a server can be started and stopped.
  const known = ["start", "stop"].includes(action) ? Object.keys(BROKERS) : NAMES;
  if (!Object.hasOwn(actions, action) || names.some((name) => !known.includes(name))) {
    console.error(`usage: npm run brokers -- ${Object.keys(actions).join("|")} [${known.join(" ")}]`);
    return 2;
  }
  return actions[action](names.length > 0 ? names : known);
}

async function status(names) {
  for (const name of names) {
    if (!Object.hasOwn(BROKERS, name)) {
      console.log(`${name.padEnd(7)} ${LIBRARIES[name].python}  ${isInstalled(name) ? "installed" : "not installed"}`);
      continue;
    }
    const { port } = BROKERS[name];
    const pid = runningPid(name);
    const answers = await accepts(port);
    const state = pid !== undefined ? `running, pid ${pid}` : answers ? "the port is taken by another" : "stopped";
    console.log(`${name.padEnd(7)} 127.0.0.1:${port}  ${state}  ${program(name) ?? "not installed"}`);
  }
  return 0;
}

async function install(names) {
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length === 0) return 0;
  const packages = missing.map((name) => (BROKERS[name] ?? LIBRARIES[name]).aptPackage);
  if (process.platform !== "linux" || process.getuid?.() !== 0 || findProgram("apt-get") === undefined) {
    console.error(`please install ${packages.join(", ")}: this script does so only with apt-get, as root`);
    return 1;
  }
  await withoutServices(async (env) => {
    const options = [
      "-qq",
      "-o",
      "DPkg::Lock::Timeout=120",
      "-o",
      "Acquire::Retries=2",
      "-o",
      "Acquire::http::Timeout=30",
    ];
    // One source that is down is no reason to give up: what is wanted may come from another.
    await run("apt-get", ["update", ...options], { env });
    await run("apt-get", ["install", "--yes", "--no-install-recommends", ...options, ...packages], { env });
  });
  const left = missing.filter((name) => !isInstalled(name));
  if (left.length > 0) console.error(`apt-get did not bring ${left.join(", ")}`);
  return left.length === 0 ? 0 : 1;
}

/**
 * Debian starts a service that it installs, and restarts those that an upgrade touches, unless a policy forbids it. Tests
 * use private instances, and what runs on this machine is not ours. Should the policy outlive this process, it forbids
 * nothing any more.
 */
async function withoutServices(work) {
  const script = `#!/bin/sh\n# Of \`npm run brokers -- install\`: no service starts while that runs.\nkill -0 ${process.pid} 2>/dev/null && exit 101\nexit 0\n`;
  let isOurs = false;
  try {
    writeFileSync(POLICY, script, { mode: 0o755, flag: "wx" });
    isOurs = true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error; // a policy that is there already is the machine's own
  }
  try {
    await work({ DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1", NEEDRESTART_SUSPEND: "1" });
  } finally {
    if (isOurs) rmSync(POLICY, { force: true });
  }
}

function isInstalled(name) {
  if (Object.hasOwn(BROKERS, name)) return program(name) !== undefined;
  const { python, module } = LIBRARIES[name];
  return spawnSync(python, ["-I", "-c", `import ${module}`], { stdio: "ignore", timeout: 30_000 }).status === 0;
}

async function start(names) {
  let exitCode = 0;
  for (const name of names) {
    const problem = await startOne(name);
    if (problem === undefined) console.log(`${name} ready on 127.0.0.1:${BROKERS[name].port}`);
    else {
      console.error(`${name}: ${problem}`);
      exitCode = 1;
    }
  }
  return exitCode;
}

async function startOne(name) {
  const { port, args, env } = BROKERS[name];
  if (runningPid(name) !== undefined) return undefined;
  const executable = program(name);
  if (executable === undefined) return "not installed; `npm run brokers -- install`";
  if (await accepts(port)) return `port ${port} is taken by another process`;
  const folder = join(FOLDER, name);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const log = openSync(join(folder, "output.log"), "a");
  const child = spawn(executable, args(folder, port), {
    cwd: folder,
    detached: true,
    env: { ...process.env, ...env?.(folder, port) },
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  let ended = false;
  child.once("error", () => {
    ended = true;
  });
  child.once("exit", () => {
    ended = true;
  });
  child.unref();
  if (child.pid !== undefined) writeFileSync(pidFile(name), String(child.pid));
  const ready = await poll(READY_WITHIN_MS, async () => ended || (await accepts(port)));
  if (ready && !ended) return undefined;
  if (!ended) await stop([name]);
  rmSync(pidFile(name), { force: true });
  return `did not start; see ${join(folder, "output.log")}`;
}

async function stop(names) {
  let exitCode = 0;
  for (const name of names) {
    const pid = runningPid(name);
    if (pid !== undefined) {
      process.kill(pid, "SIGTERM");
      if (!(await poll(STOPPED_WITHIN_MS, () => runningPid(name) === undefined))) {
        console.error(`${name}: pid ${pid} does not end`);
        exitCode = 1;
        continue;
      }
      const folder = join(FOLDER, name);
      BROKERS[name].afterStop?.(BROKERS[name].env?.(folder, BROKERS[name].port));
    }
    rmSync(join(FOLDER, name), { recursive: true, force: true });
  }
  if (existsSync(FOLDER) && readdirSync(FOLDER).length === 0) rmdirSync(FOLDER);
  return exitCode;
}

function pidFile(name) {
  return join(FOLDER, name, "pid");
}

function runningPid(name) {
  if (!existsSync(pidFile(name))) return undefined;
  const pid = Number(readFileSync(pidFile(name), "utf8"));
  try {
    process.kill(pid, 0);
    return pid;
  } catch {
    return undefined; // the pid file outlived its process
  }
}

function program(name) {
  for (const candidate of BROKERS[name].programs) {
    const found = findProgram(candidate);
    if (found !== undefined) return found;
  }
  return undefined;
}

function findProgram(name) {
  const folders = name.startsWith("/")
    ? [""]
    : [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  for (const folder of folders) {
    const path = folder === "" ? name : join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // not there; the next folder may have it
    }
  }
  return undefined;
}

function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    const settle = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", () => settle(false));
  });
}

async function poll(withinMs, fact) {
  const until = performance.now() + withinMs;
  while (performance.now() < until) {
    if (await fact()) return true;
    await delay(100);
  }
  return false;
}
