import { once } from "node:events";
import { createServer, type Socket, connect as tcpConnect } from "node:net";
import { until } from "@trunkline/core/testing";
import { expect, it, onTestFinished } from "vitest";
import { Relay } from "../src/relay.js";

/** A server that says all it hears, with a relay before it. */
async function echoBehindRelay(): Promise<{ relay: Relay; heard: () => string; served: () => Socket[] }> {
  let heard = "";
  const served: Socket[] = [];
  const server = createServer((socket) => {
    served.push(socket);
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      heard += bytes.toString();
      socket.write(bytes);
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const relay = await Relay.open({ host: "127.0.0.1", port: address.port });
  onTestFinished(async () => {
    await relay.close();
    for (const socket of served) socket.destroy();
    server.close();
  });
  return { relay, heard: () => heard, served: () => served };
}

interface Caller {
  readonly socket: Socket;
  heard(): string;
  /** How the connection ended, once it has. */
  end(): string | undefined;
}

async function call(relay: Relay): Promise<Caller> {
  const socket = tcpConnect(relay.endpoint);
  let heard = "";
  let end: string | undefined;
  socket.on("data", (bytes) => {
    heard += bytes.toString();
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    end = error.code;
  });
  socket.on("close", () => {
    end ??= "closed";
  });
  onTestFinished(() => void socket.destroy());
  await Promise.race([once(socket, "connect"), once(socket, "close")]).catch(() => {});
  return { socket, heard: () => heard, end: () => end };
}

it("lets bytes through both ways, and counts connections and what was sent", async () => {
  const { relay } = await echoBehindRelay();
  const caller = await call(relay);
  caller.socket.write("hello");
  await until(() => caller.heard() === "hello");
  expect({ connections: relay.connections, bytes: relay.bytes }).toEqual({ connections: 1, bytes: 5 });
});

it("delays each way, keeps the order, and lets go at once when the delay is taken away", async () => {
  const { relay } = await echoBehindRelay();
  const caller = await call(relay);
  relay.set({ delayMs: 40, jitterMs: 35 });
  const from = performance.now();
  const words = Array.from({ length: 20 }, (_, n) => `word ${n};`);
  for (const word of words) {
    caller.socket.write(word);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => caller.heard() === words.join(""));
  // Of jitter below the delay, at least 5 ms are left on each way.
  expect(performance.now() - from).toBeGreaterThan(9);
});

it("throttles: a second's worth of bytes takes no less than a second", async () => {
  const { relay, heard } = await echoBehindRelay();
  const caller = await call(relay);
  relay.set({ bytesPerSecond: 20_000 });
  const from = performance.now();
  caller.socket.write("x".repeat(10_000));
  await until(() => heard().length === 10_000, { withinMs: 10_000 });
  expect(performance.now() - from).toBeGreaterThan(480);
});

it("swallows one way, and tells nobody: no end, no reset", async () => {
  const { relay, heard } = await echoBehindRelay();
  const caller = await call(relay);
  relay.set({ swallows: "replies" });
  caller.socket.write("one");
  await until(() => relay.swallowedBytes === 3);
  expect(heard()).toBe("one");
  relay.set();
  caller.socket.write("two");
  await until(() => caller.heard() === "two");
  relay.set({ swallows: "requests" });
  caller.socket.write("three");
  await until(() => relay.swallowedBytes === 8);
  relay.set();
  caller.socket.write("four");
  await until(() => caller.heard() === "twofour");
  expect({ heard: heard(), end: caller.end() }).toEqual({ heard: "onetwofour", end: undefined });
});

it("swallows an end as well: the driver's side is not closed by a broker that went away", async () => {
  const { relay, served } = await echoBehindRelay();
  const caller = await call(relay);
  caller.socket.write("hello");
  await until(() => caller.heard() === "hello");
  relay.set({ swallows: "both" });
  const [socket] = served();
  socket?.end();
  const other = await call(relay);
  other.socket.write("never");
  await until(() => relay.swallowedBytes === 5);
  expect(caller.end()).toBeUndefined();
});

it("cuts after just so many bytes, once, and takes new connections", async () => {
  const { relay, heard } = await echoBehindRelay();
  const caller = await call(relay);
  caller.socket.write("warm");
  await until(() => heard() === "warm");
  relay.cutAfter(3);
  caller.socket.write("abcdef");
  await until(() => caller.end() !== undefined);
  expect(heard()).toBe("warmabc");
  const next = await call(relay);
  next.socket.write("again");
  await until(() => next.heard() === "again");
});

it("ends what there is, refuses what comes, and admits again at the same port", async () => {
  const { relay } = await echoBehindRelay();
  const caller = await call(relay);
  caller.socket.write("hello");
  await until(() => caller.heard() === "hello");
  await relay.refuse();
  await until(() => caller.end() !== undefined);
  const refused = await call(relay);
  await until(() => refused.end() === "ECONNREFUSED");
  await relay.admit();
  const admitted = await call(relay);
  admitted.socket.write("hello");
  await until(() => admitted.heard() === "hello");
  expect(relay.connections).toBe(2);
});
