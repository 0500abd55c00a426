/** The peer of examples/python-peer, which was written from docs/protocol-zmq.md, beside both engines, both ways. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { NoSuchMethodError, RemoteError } from "@trunkline/core";
import { expect, onTestFinished, test } from "vitest";
import { runProgram } from "../support/programs.js";
import { pyzmqPython, withPyzmq } from "../support/pyzmq.js";
import { ENGINES, zmqPlace } from "./support/zmq-place.js";

const HOME = fileURLToPath(new URL("../../examples/python-peer/", import.meta.url));

/** Resolves with a Python server once it is on record, and how to stop it: with its exit code. */
async function pythonServes(runtimeDir: string, server: string): Promise<() => Promise<number | null>> {
  const args = ["main.py", "serve", "--topic", "demo", "--server", server, "--runtime-dir", runtimeDir];
  const child = spawn(pyzmqPython(), args, { cwd: HOME, stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit").then(([exitCode]) => exitCode as number | null);
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const [ready] = await once(child.stdout, "data");
  expect(JSON.parse(String(ready))).toEqual({ ready: expect.stringContaining(`ipc://${runtimeDir}/`) });
  return () => {
    child.kill("SIGTERM");
    return ended;
  };
}

/** What the program answers, and its exit code. */
async function python(
  ...args: readonly string[]
): Promise<{ readonly exitCode: number | null; readonly answer: unknown }> {
  const { exitCode, stdout, stderr } = await runProgram(pyzmqPython(), ["main.py", ...args], { cwd: HOME });
  expect(stderr).toBe("");
  return { exitCode, answer: JSON.parse(stdout) };
}

withPyzmq("a peer in Python", { timeout: 60_000 }, () => {
  test.each(ENGINES)("is called by ours over %s, and ends in order", async (engine) => {
    const place = zmqPlace(engine);
    const stop = await pythonServes(place.runtimeDir, "py1");
    const client = (await place.open()).client({ topic: "demo" });
    const value = {
      list: [1, -5, 2 ** 40, 0.5, "ž", null, true],
      big: 10n ** 30n,
      when: new Date(5),
      bytes: new Uint8Array([1, 2]),
    };
    expect(await client.call("echo", { value })).toEqual(value);
    expect(await client.call("whoami", {}, { context: { user: "u" } })).toEqual({
      server: "py1",
      context: { user: "u" },
    });
    const unknown = await client.call("nothing", {}).catch((error: unknown) => error);
    expect(unknown).toBeInstanceOf(NoSuchMethodError);
    const failed = await client.call("divide", { dividend: 1, divisor: 0 }).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(RemoteError);
    expect(failed).toMatchObject({ type: "ZeroDivisionError", module: "builtins" });
    expect(await client.cast("note", { id: 7 })).toEqual({ accepted: 1, lost: 0 });
    expect(await client.call("noted", {})).toEqual([7]);
    const answers = await Promise.all(Array.from({ length: 300 }, (_, index) => client.call("echo", { value: index })));
    expect(answers).toEqual(Array.from({ length: 300 }, (_, index) => index));
    expect(await stop()).toBe(0);
    const late = await client.call("echo", {}).catch((error: unknown) => error);
    expect(late).toMatchObject({ code: "ERR_UNREACHABLE" });
    expect(place.dropped).toEqual([]);
  });

  test.each(ENGINES)("calls ours over %s", async (engine) => {
    const place = zmqPlace(engine);
    const transport = await place.open();
    const noted: unknown[] = [];
    const server = await transport.serve({ topic: "demo", server: "host1" }, [
      {
        echo: ({ value }: { value: unknown }) => value,
        fail: () => {
          throw new RangeError("no such disk");
        },
        note: ({ id }: { id: unknown }) => void noted.push(id),
      },
    ]);
    const at = ["--topic", "demo", "--runtime-dir", place.runtimeDir];
    const value = { list: [1, -5, 2 ** 40, 0.5, "ž", null, true] };
    const echoed = await python("call", ...at, "echo", JSON.stringify({ value }));
    expect(echoed).toEqual({ exitCode: 0, answer: { result: value } });
    const named = await python("call", ...at, "--server", "host1", "echo", '{"value":1}');
    expect(named).toEqual({ exitCode: 0, answer: { result: 1 } });
    const failed = await python("call", ...at, "fail");
    expect(failed).toMatchObject({ exitCode: 1, answer: { type: "RangeError", message: "RangeError: no such disk" } });
    expect(await python("fanout", ...at, "note", '{"id":7}')).toEqual({ exitCode: 0, answer: { result: 1 } });
    expect(noted).toEqual([7]);
    await server.stop();
    const late = await python("call", ...at, "echo");
    expect(late).toMatchObject({ exitCode: 1, answer: { error: "Unreachable" } });
    expect(place.dropped).toEqual([]);
  });
});
