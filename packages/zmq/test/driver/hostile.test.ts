import { connect, createServer, type Socket } from "node:net";
import { Worker } from "node:worker_threads";
import { InvalidTransportUrlError, ListenError, type Transport, UnreachableError } from "@trunkline/core";
import { ValueReader } from "@trunkline/core/driver";
import { expect, test } from "vitest";
import { Dealer } from "zeromq";
import { soleFrame } from "../../src/link/greeting-frames.js";
import { PROTOCOL_VERSION, readAnswer, SESSION_BYTES, writeHello } from "../../src/wire/greeting.js";
import { built, runChild } from "../support/run-child.js";
import { localUrl, onTestEnd, opened, runtimeDirectory } from "../support/transports.js";
import { until } from "../support/until.js";

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

interface Serving {
  readonly transport: Transport;
  readonly port: number;
  readonly dropped: string[];
  /** Calls it from a second transport: it lives. */
  check(): Promise<void>;
}

/** A server on a port of its own, which tells what it dropped. */
async function serving(options: Parameters<typeof opened>[1] = {}): Promise<Serving> {
  const port = await freePort();
  const transport = await opened(`zmq://?bind=127.0.0.1:${port}&maxMessageBytes=100000`, options);
  const dropped: string[] = [];
  transport.events.on("dropped", ({ reason }) => dropped.push(reason));
  await transport.serve({ topic: "t", server: "s" }, [{ echo: (params: object) => params }]);
  return {
    transport,
    port,
    dropped,
    async check() {
      const caller = await opened(`zmq://127.0.0.1:${port}`);
      expect(await caller.client({ topic: "t" }).call("echo", { a: 1 })).toEqual({ a: 1 });
    },
  };
}

async function rawSocket(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  onTestEnd(async () => socket.destroy());
  await new Promise((resolve) => socket.once("connect", resolve));
  return socket;
}

function dealer(port: number): Dealer {
  const socket = new Dealer({ linger: 0 });
  onTestEnd(async () => socket.close());
  socket.connect(`tcp://127.0.0.1:${port}`);
  return socket;
}

test("bytes of noise on the port are dropped, counted and told, and harm nobody", async () => {
  const server = await serving();
  const socket = await rawSocket(server.port);
  socket.end(Buffer.concat([Buffer.from("ff00000000000000017f", "hex"), Buffer.from([3, 0]), Buffer.from("GARBAGE")]));
  await until(() => server.dropped.length > 0, "the noise was counted");
  await server.check();
  expect(server.transport.stats().counters["dropped"]).toBeGreaterThan(0);
});

test("a ZeroMQ peer that sends frames of another protocol is refused with a reason, and harms nobody", async () => {
  const server = await serving();
  const socket = dealer(server.port);
  await socket.send("hello world");
  const [answer] = await socket.receive();
  const refusal = readAnswer(readerOf(answer));
  expect(refusal).toMatchObject({ code: "protocol" });
  await until(() => server.dropped.some((reason) => reason.includes("HELLO")), "it was counted");
  await server.check();
});

test("a peer of another version is told which one is spoken here", async () => {
  const server = await serving();
  const socket = dealer(server.port);
  await socket.send(hello(PROTOCOL_VERSION + 1));
  const [answer] = await socket.receive();
  expect(readAnswer(readerOf(answer))).toMatchObject({
    code: "version",
    text: expect.stringContaining(`version ${PROTOCOL_VERSION}`),
  });
  await until(() => server.dropped.some((reason) => reason.startsWith("version")), "it was counted");
  await server.check();
});

test("a peer that connects and never says HELLO harms nobody", async () => {
  const server = await serving();
  dealer(server.port);
  await (await rawSocket(server.port)).resume();
  await server.check();
  // Only who spoke is a link: the caller that checked.
  expect(server.transport.stats().links.length).toBeLessThanOrEqual(1);
});

test("records that are none, after a proper greeting, end that link alone", async () => {
  const server = await serving();
  const socket = dealer(server.port);
  await socket.send(hello(PROTOCOL_VERSION));
  const [welcome] = await socket.receive();
  expect(readAnswer(readerOf(welcome))).toMatchObject({ version: PROTOCOL_VERSION });
  await socket.send(Buffer.from([0xff, 0xfe, 0xfd]));
  await until(() => server.dropped.some((reason) => reason.includes("malformed")), "it was counted");
  await server.check();
});

test("a caller is warned of a peer that speaks another language", async () => {
  const port = await freePort();
  const stranger = createServer((socket) => {
    socket.on("error", () => {});
    socket.resume();
    socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
  });
  await new Promise<void>((resolve) => stranger.listen(port, "127.0.0.1", resolve));
  onTestEnd(() => new Promise((resolve) => stranger.close(resolve)));
  const caller = await opened(`zmq://127.0.0.1:${port}`);
  const warnings: string[] = [];
  caller.events.on("warning", ({ message }) => warnings.push(message));
  const call = caller.client({ topic: "t" }).call("echo", {}, { timeoutMs: 1_000 });
  await expect(call).rejects.toMatchObject({ code: "ERR_TIMEOUT" });
  expect(warnings.length).toBe(1);
  expect(warnings[0]).toContain(String(port));
});

test("an address that is occupied: ListenError that names it", async () => {
  const server = await serving();
  const second = await opened(`zmq://?bind=127.0.0.1:${server.port}`);
  const failure = second.serve({ topic: "t", server: "s2" }, [{ echo: () => 1 }]);
  await expect(failure).rejects.toThrow(ListenError);
  await expect(failure).rejects.toThrow(String(server.port));
  await server.check();
});

test("serving without an address of one's own: ListenError that says what to add", async () => {
  const transport = await opened("zmq://127.0.0.1:1");
  await expect(transport.serve({ topic: "t", server: "s" }, [{ a: () => 1 }])).rejects.toThrow("bind=HOST:PORT");
});

test("listening beyond this machine has to be meant", async () => {
  const failure = opened("zmq://?bind=0.0.0.0:7400");
  await expect(failure).rejects.toThrow(InvalidTransportUrlError);
  await expect(failure).rejects.toThrow("security=none");
});

test("a peer that is not there: UnreachableError with what was tried", async () => {
  const port = await freePort();
  const transport = await opened(`zmq://127.0.0.1:${port}?discoveryMs=100`);
  const failure = transport.client({ topic: "t" }).call("echo");
  await expect(failure).rejects.toThrow(UnreachableError);
  await expect(failure).rejects.toThrow(String(port));
});

test("with engine=libzmq a transport in a worker thread is refused, and says why", async () => {
  const worker = new Worker(
    `
    const { parentPort } = require("node:worker_threads");
    (async () => {
      const { driver } = await import(${JSON.stringify(built("index.js"))});
      const { openTransport } = await import(${JSON.stringify(new URL("../../../core/dist/index.js", import.meta.url).href)});
      await openTransport("zmq://?engine=libzmq&runtimeDir=" + ${JSON.stringify(encodeURIComponent(await runtimeDirectory()))}, { drivers: [driver] });
    })().then(() => parentPort.postMessage("opened"), (error) => parentPort.postMessage(error.code + ": " + error.message));
    `,
    { eval: true },
  );
  const message = await new Promise((resolve) => worker.once("message", resolve));
  await worker.terminate();
  expect(message).toMatch(/^ERR_NOT_SUPPORTED: .*worker thread/);
});

test("too many open files: the call fails and says so, and the process lives", async () => {
  const directory = await runtimeDirectory();
  const server = await opened(localUrl(directory));
  await server.serve({ topic: "t", server: "s" }, [{ echo: (params: object) => params }]);
  const child = runChild(
    `
    import { openSync } from "node:fs";
    import { openTransport } from ${JSON.stringify(new URL("../../../core/dist/index.js", import.meta.url).href)};
    import { driver } from ${JSON.stringify(built("index.js"))};
    const transport = await openTransport(${JSON.stringify(localUrl(directory, "discoveryMs=300"))}, { drivers: [driver] });
    try { for (;;) openSync("/dev/null", "r"); } catch {}
    const error = await transport.client({ topic: "t" }).call("echo").catch((caught) => caught);
    console.log(JSON.stringify({ code: error.code, message: error.message + " " + (error.cause?.message ?? "") }));
    await transport.close();
  `,
    { openFiles: 256 },
  );
  const told = JSON.parse(await child.line()) as { code: string; message: string };
  expect(told.code).toBe("ERR_UNREACHABLE");
  expect(told.message).toMatch(/open files/);
  expect((await child.ended).code).toBe(0);
});

function hello(version: number): Uint8Array {
  return soleFrame((writer) =>
    writeHello(writer, {
      lowestVersion: version,
      highestVersion: version,
      features: 0,
      maxMessageBytes: 1_000,
      session: new Uint8Array(SESSION_BYTES),
      realm: "",
      incarnation: "",
      name: "stranger",
    }),
  );
}

function readerOf(bytes: Uint8Array | undefined): ValueReader {
  const reader = new ValueReader();
  reader.reset(bytes ?? new Uint8Array(0));
  return reader;
}
