import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { CommandProcess, type Ended, runProcess } from "./support/command-process.js";

let folder: string;
let url: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "trunkline-cli-"));
  url = `zmq://?runtimeDir=${encodeURIComponent(join(folder, "run"))}`;
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** One that nobody has now. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

const running: CommandProcess[] = [];
afterEach(async () => {
  for (const command of running.splice(0)) await command.end("SIGKILL");
});

async function start(name: string, ...words: string[]): Promise<CommandProcess> {
  const command = new CommandProcess([name, url, ...words]);
  running.push(command);
  return command.ready();
}

const run = (name: string, ...words: string[]): Promise<Ended> => runProcess(name, url, ...words);

async function resultOf(name: string, ...words: string[]): Promise<unknown> {
  const ended = await run(name, ...words);
  expect(ended).toMatchObject({ exitCode: 0, stderr: "" });
  return JSON.parse(ended.stdout);
}

test("a server is reached by calls, casts and fanouts of other processes as soon as it is ready", async () => {
  const one = await start("serve", "greeter", "--server", "host1@ceph");
  expect(await resultOf("call", "greeter", "echo", '{"text": "hi"}')).toBe("hi");
  const two = await start("serve", "greeter", "--server", "host1@lvm");
  expect(await resultOf("fanout", "greeter", "note", '{"n": 1}')).toEqual({ accepted: 2, lost: 0 });
  expect(await resultOf("cast", "greeter", "note", '{"n": 2}', "--server", "host1@lvm")).toEqual({
    accepted: 1,
    lost: 0,
  });
  expect(await resultOf("call", "greeter", "seen", "--server", "host1@lvm")).toEqual([{ n: 1 }, { n: 2 }]);
  expect(await resultOf("call", "greeter", "seen", "--server", "host1@ceph")).toEqual([{ n: 1 }]);
  const asked = ["whoami", "--server", "host1@ceph", "--context", '{"user": "ada"}'];
  expect(await resultOf("call", "greeter", ...asked)).toEqual({ server: "host1@ceph", context: { user: "ada" } });
  expect(await one.end("SIGTERM")).toEqual({ exitCode: 0, signal: null, stdout: "", stderr: "ready\n" });
  expect(await two.end("SIGINT")).toEqual({ exitCode: 0, signal: null, stdout: "", stderr: "ready\n" });
});

test("each pool of listeners gets an event of another process", async () => {
  const audit = await start("listen", "notifications", "--pool", "audit", "--count", "1");
  const billing = await start("listen", "notifications", "--pool", "billing");
  const notified = await resultOf(
    "notify",
    "notifications",
    "error",
    "disk.full",
    '{"disk": "sda"}',
    "--publisher",
    "host1",
  );
  expect(notified).toMatchObject({ accepted: 2, lost: 0 });
  const { exitCode, stdout } = await audit.ended;
  expect(exitCode).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ publisherId: "host1", eventType: "disk.full", payload: { disk: "sda" } });
  await billing.until((command) => command.stdout === stdout);
  expect(await billing.end("SIGINT")).toMatchObject({ exitCode: 0, signal: null, stderr: "ready\n" });
});

test("an event to nobody is accepted by nobody, and that is no error", async () => {
  expect(await resultOf("notify", "nowhere", "info", "e")).toMatchObject({ accepted: 0, lost: 0 });
});

describe("exit codes", () => {
  test("of a call", async () => {
    await start("serve", "codes", "--server", "s");
    const [failed, missing, late, unknown] = await Promise.all([
      run("call", "codes", "fail", '{"message": "no"}'),
      run("call", "codes", "ecko"),
      run("call", "codes", "sleep", '{"ms": 60000}', "--timeout", "200"),
      run("call", "codes", "echo", "--server", "other"),
    ]);
    expect([failed, missing, late, unknown].map(({ exitCode }) => exitCode)).toEqual([1, 1, 3, 4]);
    expect([failed, missing, late, unknown].map(({ stdout }) => stdout)).toEqual(["", "", "", ""]);
  });

  describe("of a call that runs", () => {
    /** An endpoint that says when it began and when it was cancelled. */
    const HOLD = `export default {
      hold(_params, { signal }) {
        console.error("began");
        return new Promise((_, reject) => signal.addEventListener("abort", () => {
          console.error("cancelled");
          reject(signal.reason);
        }));
      },
    };`;

    async function hold(topic: string): Promise<{ readonly server: CommandProcess; readonly call: CommandProcess }> {
      const file = join(folder, "hold.mjs");
      writeFileSync(file, HOLD);
      const server = await start("serve", topic, "--server", "s", "--module", file);
      const call = new CommandProcess(["call", url, topic, "hold"]);
      running.push(call);
      await server.until(({ stderr }) => stderr.includes("began"));
      return { server, call };
    }

    test("and whose server is killed", async () => {
      const { server, call } = await hold("killed");
      await server.end("SIGKILL");
      const { exitCode, stderr } = await call.ended;
      expect(stderr).toContain("ERR_CONNECTION_LOST");
      expect(exitCode).toBe(4);
    });

    test("and that SIGINT ends: the handler hears of it", async () => {
      const { server, call } = await hold("interrupted");
      expect(await call.end("SIGINT")).toMatchObject({ exitCode: 130, signal: null, stdout: "" });
      await server.until(({ stderr }) => stderr.includes("cancelled"));
      expect((await server.end()).exitCode).toBe(0);
    });

    test("is waited for by its server, until a second signal", async () => {
      const { server } = await hold("impatient");
      server.child.kill("SIGTERM");
      const { exitCode } = await server.end("SIGINT");
      // Where both wait to be told, the system chooses which comes first.
      expect([130, 143]).toContain(exitCode);
    });

    test("and that SIGTERM ends", async () => {
      const { call } = await hold("terminated");
      expect(await call.end("SIGTERM")).toMatchObject({ exitCode: 143, signal: null, stdout: "" });
    });
  });
});

test("over static peers it is ready when the manifest's joinLatencyMs is over, and then it is reached", async () => {
  const port = await freePort();
  const peer = `zmq://127.0.0.1:${port}`;
  const bound = `${peer}?bind=127.0.0.1:${port}`;
  const [driver] = JSON.parse((await runProcess("drivers", bound)).stdout);
  expect(driver.capabilities.joinLatencyMs).toBeGreaterThan(0);
  const beganAt = performance.now();
  const server = new CommandProcess(["serve", bound, "greeter", "--server", "s"]);
  running.push(server);
  await server.ready();
  expect(performance.now() - beganAt).toBeGreaterThan(driver.capabilities.joinLatencyMs);
  const { exitCode, stdout } = await runProcess("call", peer, "greeter", "echo", '{"text": "hi"}');
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '"hi"\n' });
  expect((await server.end()).exitCode).toBe(0);
});

test("a listener ends when the reader of its stdout has gone", async () => {
  const listener = await start("listen", "unread");
  listener.child.stdout?.destroy();
  expect(await resultOf("notify", "unread", "info", "first")).toMatchObject({ accepted: 1 });
  const { exitCode, stderr } = await listener.ended;
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "ready\n" });
});
