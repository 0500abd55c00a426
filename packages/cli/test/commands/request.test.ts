import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RunningCommand, resultOf, run } from "../support/run-command.js";

const URL = "fake://cli-request";
let one: RunningCommand;
let two: RunningCommand;

beforeEach(async () => {
  one = await new RunningCommand(["serve", URL, "greeter", "--server", "host1@ceph"]).ready();
  two = await new RunningCommand(["serve", URL, "greeter", "--server", "host1@lvm"]).ready();
});
afterEach(async () => {
  expect(await Promise.all([one.interrupt(), two.interrupt()])).toEqual([0, 0]);
});

const seen = (server: string): Promise<unknown> => resultOf("call", URL, "greeter", "seen", "--server", server);

describe("call", () => {
  test("prints the handler's result as one JSON value and nothing else", async () => {
    expect(await run("call", URL, "greeter", "echo", '{"text": "hi"}')).toEqual({
      exitCode: 0,
      stdout: '"hi"\n',
      stderr: "",
    });
    expect(await resultOf("call", URL, "greeter", "add", '{"a": 2, "b": 0.5}')).toBe(2.5);
    expect(await resultOf("call", URL, "greeter", "sleep", '{"ms": 0}')).toBeNull();
  });

  test("reaches the server that --server names, with the context of --context", async () => {
    const asked = ["call", URL, "greeter", "whoami", "--context", '{"user": "ada"}', "--server"];
    expect(await resultOf(...asked, "host1@ceph")).toEqual({ server: "host1@ceph", context: { user: "ada" } });
    expect(await resultOf(...asked, "host1@lvm")).toEqual({ server: "host1@lvm", context: { user: "ada" } });
  });

  test("reaches the exchange that --exchange names, and no other", async () => {
    const other = await new RunningCommand(["serve", URL, "greeter", "--server", "x", "--exchange", "nova"]).ready();
    expect(await resultOf("call", URL, "greeter", "whoami", "--exchange", "nova")).toMatchObject({ server: "x" });
    const { exitCode } = await run("call", `${URL}?discoveryMs=1`, "greeter", "whoami", "--server", "x");
    expect(exitCode).toBe(4);
    expect(await other.interrupt()).toBe(0);
  });

  test("is indented on a terminal", async () => {
    const command = new RunningCommand(["call", URL, "greeter", "echo", '{"text": [1]}'], { isTTY: true });
    expect(await command.exitCode).toBe(0);
    expect(command.stdout.text).toBe("[\n  1\n]\n");
  });

  test("carries what JSON has, exactly", async () => {
    const text = String.raw`{"__proto__": {"a": [1.5, -2e-7, ""]}, "ü": "😀\u0000", "null": null}`;
    const printed = await run("call", URL, "greeter", "echo", `{"text": ${text}}`);
    expect(printed.stdout).toBe(`${JSON.stringify(JSON.parse(text))}\n`);
  });
});

describe("cast", () => {
  test("prints what it resolves with, and reaches one server", async () => {
    expect(await resultOf("cast", URL, "greeter", "note", '{"n": 1}', "--server", "host1@lvm")).toEqual({
      accepted: 1,
      lost: 0,
    });
    expect(await seen("host1@lvm")).toEqual([{ n: 1 }]);
    expect(await seen("host1@ceph")).toEqual([]);
  });

  test("to nobody is not delivered", async () => {
    const { exitCode, stderr, stdout } = await run("cast", `${URL}?discoveryMs=1`, "nobody", "note");
    expect({ exitCode, stdout }).toEqual({ exitCode: 4, stdout: "" });
    expect(stderr).toContain("ERR_UNREACHABLE");
  });
});

describe("fanout", () => {
  test("prints how many accepted it, and reaches every server", async () => {
    expect(await resultOf("fanout", URL, "greeter", "note", '{"n": 2}')).toEqual({ accepted: 2, lost: 0 });
    expect(await seen("host1@ceph")).toEqual([{ n: 2 }]);
    expect(await seen("host1@lvm")).toEqual([{ n: 2 }]);
  });

  test("to nobody succeeds", async () => {
    expect(await resultOf("fanout", URL, "nobody", "note")).toEqual({ accepted: 0, lost: 0 });
  });
});
