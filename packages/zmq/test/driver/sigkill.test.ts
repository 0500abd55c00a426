import { readdirSync } from "node:fs";
import { createServer } from "node:net";
import { ConnectionLostError, type Transport } from "@trunkline/core";
import { expect, test } from "vitest";
import type { Child } from "../support/run-child.js";
import { serverChild } from "../support/server-child.js";
import { localUrl, onTestEnd, opened, runtimeDirectory } from "../support/transports.js";
import { until } from "../support/until.js";

/** Collects what a server says it began, by line, until it is gone. */
class Began {
  readonly ids: number[] = [];
  readonly child: Child;

  constructor(child: Child) {
    this.child = child;
    onTestEnd(async () => {
      child.kill("SIGKILL");
      await child.ended;
    });
  }

  /** Resolves when the server is ready; its later lines are collected. */
  async ready(): Promise<void> {
    expect(await this.child.line()).toBe("ready");
    void this.#collect();
  }

  async #collect(): Promise<void> {
    for (;;) {
      let line: string;
      try {
        line = await this.child.line();
      } catch {
        return;
      }
      this.ids.push(Number(line.replace("began ", "")));
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** A call's fate: who answered, or which error and when. */
interface Fate {
  readonly id: number;
  readonly server?: string;
  readonly error?: unknown;
  readonly at: number;
}

function holdAll(
  transport: Transport,
  ids: readonly number[],
): { readonly fates: Fate[]; readonly all: Promise<unknown> } {
  const client = transport.client({ topic: "work" }, { timeoutMs: 20_000 });
  const fates: Fate[] = [];
  const all = ids.map(async (id) => {
    try {
      const server = await client.call<string>("hold", { id });
      fates.push({ id, server, at: performance.now() });
    } catch (error) {
      fates.push({ id, error, at: performance.now() });
    }
  });
  return { fates, all: Promise.all(all) };
}

const NUMBERS: readonly number[] = Array.from({ length: 200 }, (_, id) => id);

test("SIGKILL of one of three servers of credit 16 with 200 calls in flight (B12)", async () => {
  const directory = await runtimeDirectory();
  const url = localUrl(directory);
  const servers = ["s1", "s2", "s3"].map((server) => new Began(serverChild({ url, server })));
  for (const server of servers) await server.ready();
  const transport = await opened(url);
  const { fates, all } = holdAll(transport, NUMBERS);
  await until(() => servers.every(({ ids }) => ids.length === 16), "each server runs as many as its credit allows");
  expect(fates).toEqual([]);

  const [victim, ...others] = servers;
  const atVictim = new Set(victim?.ids);
  const killedAt = performance.now();
  victim?.child.kill("SIGKILL");
  await until(() => fates.length === 16, "the calls at the killed server have settled");
  for (const { id, error, at } of fates) {
    expect(atVictim.has(id)).toBe(true);
    expect(error).toBeInstanceOf(ConnectionLostError);
    expect((error as ConnectionLostError).mayHaveRun).toBe(true);
    expect(at - killedAt).toBeLessThan(transport.capabilities.detectionMs);
  }

  // What was never dispatched is answered by the others.
  for (const { child } of others) child.kill("SIGUSR2");
  await all;
  const answered = fates.filter(({ server }) => server !== undefined);
  expect(answered.length).toBe(184);
  expect(new Set(answered.map(({ server }) => server))).toEqual(new Set(["s2", "s3"]));
  await until(() => servers.flatMap(({ ids }) => ids).length === 200, "all that began was heard of");
  // Each began once, and nowhere else again.
  expect(servers.flatMap(({ ids }) => ids).sort((one, other) => one - other)).toEqual(NUMBERS);

  for (const { child } of others) {
    child.kill("SIGTERM");
    expect((await child.ended).code).toBe(0);
  }
  // The client tries the lost connection again, meets the remains and removes them.
  await until(() => readdirSync(directory).length === 0, "nothing is left of the killed process");
  await transport.close();
}, 40_000);

test("what a killed process left in the runtime directory is removed by the next that comes", async () => {
  const directory = await runtimeDirectory();
  const url = localUrl(directory);
  const server = new Began(serverChild({ url, server: "s1" }));
  await server.ready();
  server.child.kill("SIGKILL");
  await server.child.ended;
  expect(readdirSync(directory).length).toBeGreaterThan(0);
  const next = await opened(url);
  await until(() => readdirSync(directory).length === 0, "the runtime directory is empty");
  await next.close();
  expect(readdirSync(directory)).toEqual([]);
});

test("a server that is restarted on the same address never gets the calls of the one before it", async () => {
  const port = await freePort();
  const server = { url: `zmq://?bind=127.0.0.1:${port}`, server: "s1", concurrency: 8, credit: 8 };
  const first = new Began(serverChild(server));
  await first.ready();
  // Those that wait have all the time that a new process takes to come up on a busy machine.
  const transport = await opened(`zmq://127.0.0.1:${port}?discoveryMs=30000`);
  const { fates, all } = holdAll(transport, NUMBERS.slice(0, 20));
  await until(() => first.ids.length === 8, "the server runs as many as its credit allows");
  first.child.kill("SIGKILL");
  await first.child.ended;
  await until(() => fates.length === 8, "the calls at the killed server have settled");
  const lost = new Set(fates.map(({ id }) => id));
  expect(lost).toEqual(new Set(first.ids));

  const second = new Began(serverChild(server));
  await second.ready();
  await until(() => second.ids.length === 8, "what was never sent goes to the new server");
  second.child.kill("SIGUSR2");
  await all;
  expect(fates.filter((fate) => fate.server === "s1").length).toBe(12);
  await until(() => second.ids.length === 12, "all that began was heard of");
  expect(second.ids.filter((id) => lost.has(id))).toEqual([]);
}, 40_000);

test("casts that a killed server had accepted and not handled are counted (B12)", async () => {
  const url = localUrl(await runtimeDirectory());
  const server = new Began(serverChild({ url, server: "s1", concurrency: 2, credit: 10 }));
  await server.ready();
  const transport = await opened(url);
  const lost: number[] = [];
  transport.events.on("castsLost", ({ count }) => lost.push(count));
  const client = transport.client({ topic: "work" });
  const receipts = await Promise.all(NUMBERS.slice(0, 10).map((id) => client.cast("hold", { id })));
  expect(receipts.every(({ accepted }) => accepted === 1)).toBe(true);
  await until(() => server.ids.length === 2, "two run");
  server.child.kill("SIGKILL");
  await until(() => lost.length > 0, "the loss is reported");
  expect(lost).toEqual([10]);
});

test("a frozen server is found by heartbeats, and what was sent to it is lost within detectionMs", async () => {
  const url = localUrl(await runtimeDirectory(), "heartbeatMs=100&heartbeatTimeoutMs=400");
  const server = new Began(serverChild({ url, server: "s1" }));
  await server.ready();
  const transport = await opened(url);
  const { fates, all } = holdAll(transport, [1, 2, 3]);
  await until(() => server.ids.length === 3, "three run");
  const frozenAt = performance.now();
  server.child.kill("SIGSTOP");
  await all;
  for (const { error, at } of fates) {
    expect(error).toBeInstanceOf(ConnectionLostError);
    expect(at - frozenAt).toBeLessThan(transport.capabilities.detectionMs);
  }
  server.child.kill("SIGCONT");
  server.child.kill("SIGUSR2");
  expect(await transport.client({ topic: "work" }).call("echo", { n: 1 })).toEqual({ n: 1, server: "s1" });
});
