import { createServer } from "node:net";
import { OverloadedError, type RpcServer, type Transport } from "@trunkline/core";
import { deferred } from "@trunkline/core/testing";
import { expect, test } from "vitest";
import { localUrl, opened, runtimeDirectory } from "../support/transports.js";
import { until } from "../support/until.js";

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

const endpoint = (server: string): object => ({ who: () => server });

async function spread(caller: Transport, calls: number, inFlight: number): Promise<Map<string, number>> {
  const client = caller.client({ topic: "t" });
  const counts = new Map<string, number>();
  for (let done = 0; done < calls; done += inFlight) {
    const answers = await Promise.all(Array.from({ length: inFlight }, () => client.call<string>("who")));
    for (const answer of answers) counts.set(answer, (counts.get(answer) ?? 0) + 1);
  }
  return counts;
}

for (const inFlight of [1, 8, 64]) {
  test(`equal load spreads over four servers with ${inFlight} in flight, once its links are made (A2)`, async () => {
    const url = localUrl(await runtimeDirectory());
    for (const server of ["a", "b", "c", "d"]) {
      const transport = await opened(url);
      await transport.serve({ topic: "t", server }, [endpoint(server)]);
    }
    const caller = await opened(url);
    // Calls take the links that are there: on a busy machine one of the four may be made later than 512 calls need.
    for (const server of ["a", "b", "c", "d"]) await caller.client({ topic: "t", server }).call("who");
    const counts = await spread(caller, 512, inFlight);
    expect([...counts.keys()].sort()).toEqual(["a", "b", "c", "d"]);
    for (const count of counts.values()) expect(count).toBeGreaterThan(512 / 4 / 10);
  });
}

test("a server that comes later gets its share, without a new client", async () => {
  const url = localUrl(await runtimeDirectory());
  const first = await opened(url);
  await first.serve({ topic: "t", server: "a" }, [endpoint("a")]);
  const caller = await opened(url);
  expect([...(await spread(caller, 10, 2)).keys()]).toEqual(["a"]);
  const second = await opened(url);
  await second.serve({ topic: "t", server: "b" }, [endpoint("b")]);
  const seen = new Set<string>();
  await until(() => {
    void caller
      .client({ topic: "t" })
      .call<string>("who")
      .then((who) => seen.add(who));
    return seen.has("b");
  }, "the new server answers");
});

test("a caller may start before its server (A7)", async () => {
  const url = localUrl(await runtimeDirectory(), "discoveryMs=10000");
  const caller = await opened(url);
  const early = caller.client({ topic: "t" }).call("who");
  const directed = caller.client({ topic: "t", server: "a" }).call("who");
  const transport = await opened(url);
  await transport.serve({ topic: "t", server: "a" }, [endpoint("a")]);
  expect(await early).toBe("a");
  expect(await directed).toBe("a");
});

test("servers restarted one after another under load fail no call (E3)", async () => {
  const url = localUrl(await runtimeDirectory());
  const start = async (server: string): Promise<{ readonly transport: Transport; readonly server: RpcServer }> => {
    const transport = await opened(url);
    return { transport, server: await transport.serve({ topic: "t", server }, [endpoint(server)], { concurrency: 4 }) };
  };
  const running = [await start("a"), await start("b"), await start("c")];
  const caller = await opened(url);
  const client = caller.client({ topic: "t" }, { timeoutMs: 20_000 });
  let isOver = false;
  let answered = 0;
  const load = Array.from({ length: 32 }, async () => {
    while (!isOver) {
      await client.call("who");
      answered++;
    }
  });
  for (const [index, name] of ["a2", "b2", "c2"].entries()) {
    const before = answered;
    const old = running[index];
    const fresh = await start(name);
    await old?.server.stop();
    await old?.transport.close();
    running[index] = fresh;
    await until(() => answered > before + 100, "the load goes on");
  }
  isOver = true;
  await Promise.all(load);
});

test("a server never has more in hand than its credit, and what waits is answered in turn (B13)", async () => {
  const url = localUrl(await runtimeDirectory());
  const serving = await opened(url);
  const gate = deferred<void>();
  let running = 0;
  let most = 0;
  const server = {
    async work() {
      running++;
      most = Math.max(most, running);
      await gate.promise;
      running--;
      return running;
    },
  };
  await serving.serve({ topic: "t", server: "a" }, [server], { concurrency: 3, credit: 5 });
  const callers = [await opened(url), await opened(url), await opened(url)];
  const calls = callers.flatMap((caller) =>
    Array.from({ length: 20 }, () => caller.client({ topic: "t" }).call("work")),
  );
  await until(() => running === 3, "it runs as many as it may");
  expect(serving.stats().gauges["server.inHand"]).toBeLessThanOrEqual(5);
  gate.resolve();
  expect((await Promise.all(calls)).length).toBe(60);
  expect(most).toBe(3);
});

test("past the bound of its queue a sender is refused, and what waits goes on (B13)", async () => {
  const url = localUrl(await runtimeDirectory(), "queueMessages=10");
  const serving = await opened(url);
  const gate = deferred<void>();
  await serving.serve({ topic: "t", server: "a" }, [{ work: () => gate.promise }], { concurrency: 1, credit: 1 });
  const caller = await opened(url);
  const client = caller.client({ topic: "t" });
  const first = client.call("work");
  await until(() => serving.stats().gauges["server.inHand"] === 1, "the first runs");
  const waiting = Array.from({ length: 20 }, () => client.call("work"));
  await expect(client.call("work")).rejects.toThrow(OverloadedError);
  gate.resolve();
  await Promise.all([first, ...waiting]);
});

test("static peers find each other, whoever comes first, and a listener that comes later", async () => {
  const ports = [await freePort(), await freePort(), await freePort()];
  const list = ports.map((port) => `127.0.0.1:${port}`).join(",");
  const [first, second, third] = await Promise.all(ports.map((port) => opened(`zmq://${list}?bind=127.0.0.1:${port}`)));
  if (first === undefined || second === undefined || third === undefined) throw new Error("three were opened");
  const heard: string[] = [];
  await first.serve({ topic: "t", server: "a" }, [endpoint("a")]);
  await second.serve({ topic: "t", server: "b" }, [endpoint("b")]);
  await second.listen([{ topic: "events" }], [{ info: ({ payload }) => void heard.push(String(payload)) }]);
  expect(await third.client({ topic: "t", server: "a" }).call("who")).toBe("a");
  expect(await third.client({ topic: "t", server: "b" }).call("who")).toBe("b");
  expect(await third.client({ topic: "t" }).fanout("who")).toEqual({ accepted: 2, lost: 0 });
  await third.serve({ topic: "t", server: "c" }, [endpoint("c")]);
  expect(await first.client({ topic: "t", server: "c" }).call("who")).toBe("c");
  const { accepted } = await third.notifier({ publisherId: "p", topics: ["events"] }).info("e", "hello");
  expect(accepted).toBe(1);
  await until(() => heard.length === 1, "the event was heard");
});

test("an idle link is closed, and made again when it is needed", async () => {
  const url = localUrl(await runtimeDirectory(), "idleMs=100");
  const serving = await opened(url);
  await serving.serve({ topic: "t", server: "a" }, [endpoint("a")]);
  const caller = await opened(url);
  const client = caller.client({ topic: "t" });
  await client.call("who");
  expect(caller.stats().gauges["pool.ready"]).toBe(1);
  await until(() => caller.stats().gauges["pool.links"] === 0, "the idle link is gone", 10_000);
  await until(() => serving.stats().gauges["server.links"] === 0, "at its listener too");
  expect(await client.call("who")).toBe("a");
});

test("a message larger than the receiver takes is refused at the sender, and the link lives (D4)", async () => {
  const directory = await runtimeDirectory();
  const serving = await opened(localUrl(directory, "maxMessageBytes=1000"));
  await serving.serve({ topic: "t", server: "a" }, [
    { ...endpoint("a"), size: ({ text }: { text: string }) => text.length },
  ]);
  const caller = await opened(localUrl(directory));
  const client = caller.client({ topic: "t" });
  await expect(client.call("size", { text: "x".repeat(10_000) })).rejects.toMatchObject({
    code: "ERR_MESSAGE_TOO_LARGE",
  });
  expect(await client.call("who")).toBe("a");
});

test("two transports of one process, and a transport that calls itself", async () => {
  const url = localUrl(await runtimeDirectory());
  const transport = await opened(url);
  await transport.serve({ topic: "t", server: "a" }, [endpoint("a")]);
  expect(await transport.client({ topic: "t" }).call("who")).toBe("a");
  await transport.close();
  const next = await opened(url);
  await expect(next.client({ topic: "t" }).call("who")).rejects.toMatchObject({ code: "ERR_UNREACHABLE" });
});
