import { describe, expect, test } from "vitest";
import { RunningCommand, resultOf, run } from "../support/run-command.js";

const URL = "fake://cli-listen";

const notify = (topic: string, ...words: string[]): Promise<unknown> => resultOf("notify", URL, topic, ...words);

function events({ stdout }: RunningCommand): { eventType: string; [member: string]: unknown }[] {
  return stdout.lines.map((line) => JSON.parse(line));
}

test("prints an event as one JSON object on one line, and notify what it resolves with", async () => {
  const listener = await new RunningCommand(["listen", URL, "shape", "--count", "1"], { isTTY: true }).ready();
  const notified = await notify(
    "shape",
    "error",
    "disk.full",
    '{"disk": "sda"}',
    "--publisher",
    "host1",
    "--context",
    '{"user": "ada", "token": "x"}',
  );
  expect(await listener.exitCode).toBe(0);
  expect(listener.stderr.text).toBe("ready\n");
  const [event, ...others] = events(listener);
  expect(others).toEqual([]);
  expect(notified).toEqual({ messageId: event?.["messageId"], accepted: 1, lost: 0 });
  expect(event).toEqual({
    publisherId: "host1",
    eventType: "disk.full",
    priority: "error",
    payload: { disk: "sda" },
    context: { user: "ada" },
    messageId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  });
});

test("ends after --count events, in their order", async () => {
  const listener = await new RunningCommand(["listen", URL, "counted", "--count", "2"]).ready();
  for (const name of ["a", "b", "c"]) await notify("counted", "info", name);
  expect(await listener.exitCode).toBe(0);
  expect(events(listener).map(({ eventType }) => eventType)).toEqual(["a", "b"]);
});

test("what comes after --count events goes to others of the pool: each event is printed once", async () => {
  const first = await new RunningCommand(["listen", URL, "shared", "--count", "3", "--pool", "p"]).ready();
  const second = await new RunningCommand(["listen", URL, "shared", "--pool", "p"]).ready();
  let hasEnded = false;
  void first.exitCode.then(() => {
    hasEnded = true;
  });
  const sent: string[] = [];
  while (!hasEnded) {
    sent.push(`event-${sent.length}`);
    await notify("shared", "info", `event-${sent.length - 1}`);
  }
  expect(await first.exitCode).toBe(0);
  expect(first.stdout.lines).toHaveLength(3);
  await second.stdout.until(() => second.stdout.lines.length === sent.length - 3);
  expect(await second.interrupt()).toBe(0);
  const printed = [...events(first), ...events(second)].map(({ eventType }) => eventType);
  expect(printed.toSorted()).toEqual(sent.toSorted());
});

test("each pool gets every event, whatever the payload", async () => {
  const listeners = await Promise.all(
    ["audit", "billing"].map((pool) =>
      new RunningCommand(["listen", URL, "pools", "--pool", pool, "--count", "2"]).ready(),
    ),
  );
  expect(await notify("pools", "info", "a", "[1, null]")).toMatchObject({ accepted: 2, lost: 0 });
  await notify("pools", "info", "b");
  for (const listener of listeners) {
    expect(await listener.exitCode).toBe(0);
    expect(events(listener).map(({ payload }) => payload)).toEqual([[1, null], null]);
  }
});

test("several topics, and only the priorities asked for", async () => {
  const listener = await new RunningCommand([
    "listen",
    URL,
    "x",
    "y",
    "--priority",
    "warn,error",
    "--count",
    "2",
  ]).ready();
  await notify("x", "info", "unwanted");
  await notify("y", "warn", "first");
  await notify("x", "error", "second");
  expect(await listener.exitCode).toBe(0);
  expect(
    events(listener)
      .map(({ eventType }) => eventType)
      .toSorted(),
  ).toEqual(["first", "second"]);
});

describe("--timeout", () => {
  test("with fewer than --count exits 3 and says so", async () => {
    const listener = await new RunningCommand(["listen", URL, "few", "--count", "2", "--timeout", "1000"]).ready();
    await notify("few", "info", "only");
    expect(await listener.exitCode).toBe(3);
    expect(listener.stdout.lines).toHaveLength(1);
    expect(listener.stderr.text).toContain("1 of 2 events came within 1000 ms");
  });

  test("without --count is the end that was asked for", async () => {
    expect(await run("listen", URL, "quiet", "--timeout", "10")).toEqual({
      exitCode: 0,
      stdout: "",
      stderr: "ready\n",
    });
  });
});

test.each(["SIGINT", "SIGTERM"] as const)("%s ends it cleanly", async (signal) => {
  const listener = await new RunningCommand(["listen", URL, "ended"]).ready();
  await notify("ended", "info", "a");
  await listener.stdout.until((text) => text.includes("\n"));
  expect(await listener.interrupt(signal)).toBe(0);
  expect(listener.stdout.lines).toHaveLength(1);
});

test("ends when nobody reads stdout any more", async () => {
  const listener = await new RunningCommand(["listen", URL, "unread"]).ready();
  listener.stdout.breakPipe();
  expect(await listener.exitCode).toBe(0);
});
