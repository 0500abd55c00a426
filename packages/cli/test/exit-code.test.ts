import { expect, test } from "vitest";
import { errorCodeOf, exitCodeOf } from "../src/exit-code.js";
import { signalExitCode } from "../src/report-error.js";
import { RunningCommand, run } from "./support/run-command.js";

const URL = "fake://cli-exit-codes?discoveryMs=1";

async function whileServing<Result>(use: () => Promise<Result>): Promise<Result> {
  const server = await new RunningCommand(["serve", URL, "greeter", "--server", "host1"]).ready();
  try {
    return await use();
  } finally {
    await server.interrupt();
  }
}

const ask = (...words: string[]) => whileServing(() => run("call", URL, "greeter", ...words));

test.each([
  [["fail", '{"message": "no such luck"}'], 1, "Error: no such luck", "ERR_REMOTE"],
  [["add", '{"a": 1}'], 1, "TypeError: add takes two numbers", "ERR_REMOTE"],
  [["ecko"], 1, 'has no method "ecko"', "ERR_NO_SUCH_METHOD"],
  [["echo", "--version", "9.0"], 1, "at version 9.0; it offers 1.0", "ERR_UNSUPPORTED_VERSION"],
  [["echo", "--namespace", "other"], 1, 'no endpoint for namespace "other"', "ERR_UNSUPPORTED_VERSION"],
  [["sleep", '{"ms": 60000}', "--timeout", "20"], 3, "deadline", "ERR_TIMEOUT"],
  [["echo", "--server", "host2"], 4, "host2", "ERR_UNREACHABLE"],
  [["echo", "--server", "a\tb"], 2, "control character", "ERR_INVALID_TARGET"],
  [["echo", '{"text": "\\ud800"}'], 2, "surrogate", "ERR_SERIALIZATION"],
])("call %j exits %d and says %j", async (words, expected, told, code) => {
  const { exitCode, stdout, stderr } = await ask(...words);
  expect(stderr).toContain(told);
  expect(stderr).toContain(`(${code})`);
  expect({ exitCode, stdout }).toEqual({ exitCode: expected, stdout: "" });
});

test.each([
  ["fake//", 2, "ERR_INVALID_TRANSPORT_URL"],
  ["fake://?discoverMs=1", 2, "discoveryMs"],
  ["fak://", 2, 'did you mean "fake://"'],
  ["amqp://", 2, 'did you mean "rabbit://"'],
  ["http://localhost", 2, "trunkline-driver-<scheme>, and no such package is installed\n"],
  ["fake://user:hunter2@bus", 5, "auth"],
  ["fake://a,b", 5, "failover"],
])("the URL %s exits %d and says %s", async (url, expected, told) => {
  const { exitCode, stdout, stderr } = await run("call", url, "t", "m");
  expect(stderr).toContain(told);
  // A command line has no options to pass a driver in.
  expect(stderr).not.toContain("options.drivers");
  expect(stderr).not.toContain("hunter2");
  expect({ exitCode, stdout }).toEqual({ exitCode: expected, stdout: "" });
});

test("a message that is too large exits 2", async () => {
  const { exitCode, stderr } = await run("cast", `${URL}&maxMessageBytes=100`, "t", "m", `{"a": "${"x".repeat(200)}"}`);
  expect(stderr).toContain("ERR_MESSAGE_TOO_LARGE");
  expect(exitCode).toBe(2);
});

test.each([
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)("a call that %s ends exits %d", async (signal, expected) => {
  await whileServing(async () => {
    const call = new RunningCommand(["call", URL, "greeter", "sleep", '{"ms": 60000}']);
    expect(await call.interrupt(signal)).toBe(expected);
    expect(call.stdout.text).toBe("");
    expect(call.stderr.text).toContain("interrupted");
  });
});

test("what is no error of the SDK is a fault of the command itself", () => {
  expect(exitCodeOf(new TypeError("x"))).toBe(70);
  expect(exitCodeOf("text")).toBe(70);
  expect(exitCodeOf(Object.assign(new Error(), { code: "ENOENT" }))).toBe(70);
  expect(exitCodeOf(Object.assign(new Error(), { code: "toString" }))).toBe(70);
  expect(errorCodeOf(Object.assign(new Error(), { code: "ERR_CONNECT" }))).toBe("ERR_CONNECT");
  expect(signalExitCode("SIGNOTHING")).toBe(130);
});
