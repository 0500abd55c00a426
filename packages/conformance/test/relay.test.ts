import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type Socket, connect as tcpConnect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

it("leads to each of several places by a door of its own, to local sockets too, and cuts and refuses all of them", async () => {
  const directory = await mkdtemp(join(tmpdir(), "trunkline-relay-"));
  const heard: string[] = [];
  const servers = ["one", "other"].map((name) =>
    createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", (bytes) => heard.push(`${name} ${bytes}`));
    }),
  );
  const [local, tcp] = servers;
  const path = join(directory, "peer.sock");
  if (local === undefined || tcp === undefined) throw new Error("no servers");
  await Promise.all([once(local.listen(path), "listening"), once(tcp.listen(0, "127.0.0.1"), "listening")]);
  const address = tcp.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const relay = await Relay.open(undefined);
  onTestFinished(async () => {
    await relay.close();
    for (const server of servers) server.close();
    await rm(directory, { recursive: true, force: true });
  });
  const doors = [{ path }, { host: "127.0.0.1", port: address.port }].map((place) => relay.endpoint.towards(place));
  expect(new Set(doors.map(({ port }) => port)).size).toBe(2);
  expect(relay.endpoint.towards({ path })).toEqual(doors[0]);
  const ends: string[] = [];
  const dial = (port: number): Socket => {
    const socket = tcpConnect({ host: "127.0.0.1", port });
    socket
      .on("error", (error: NodeJS.ErrnoException) => ends.push(error.code ?? ""))
      .on("close", () => ends.push("closed"));
    onTestFinished(() => void socket.destroy());
    return socket;
  };
  for (const { port } of doors) dial(port).write("hello");
  await until(() => heard.length === 2);
  expect(heard.toSorted()).toEqual(["one hello", "other hello"]);
  expect([relay.connections, relay.bytes]).toEqual([2, 10]);
  relay.cut();
  await until(() => ends.filter((end) => end === "closed").length === 2);
  await relay.refuse();
  ends.length = 0;
  for (const { port } of doors) dial(port);
  await until(() => ends.filter((end) => end === "closed").length === 2);
  expect(ends.filter((end) => end === "ECONNREFUSED")).toHaveLength(2);
  await relay.admit();
  for (const { port } of doors) dial(port).write("again");
  await until(() => heard.length === 4);
  expect(heard.slice(2).toSorted()).toEqual(["one again", "other again"]);
});

it("turns away who comes to a door that leads nowhere, and has a new one for each place that is asked for", async () => {
  const relay = await Relay.open(undefined);
  onTestFinished(() => relay.close());
  const caller = await call(relay);
  await until(() => caller.end() !== undefined);
  const ports = new Set<number>();
  for (let place = 1; place <= 20; place++) {
    ports.add(relay.endpoint.towards({ host: "127.0.0.1", port: place }).port);
    // New doors are opened behind those that were taken.
    const knocking = tcpConnect({ host: relay.endpoint.host, port: relay.endpoint.port }).on("error", () => {});
    await new Promise((resolve) => knocking.on("close", resolve));
  }
  expect(ports.size).toBe(20);
});
