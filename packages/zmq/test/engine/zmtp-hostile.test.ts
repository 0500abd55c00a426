import { readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Engine } from "../../src/engine/engine.js";
import { createZmtpEngine, type ZmtpEngineOptions } from "../../src/engine/zmtp-engine.js";
import { bytes, LinkRecorder } from "../support/link-recorder.js";
import { until } from "../support/until.js";
import { DEALER_PREFACE, frameBytes, greetingBytes } from "../support/zmtp-bytes.js";
import { ENGINE_OPTIONS } from "./engine-suite.js";

const CONNECTS = 2_000;
const AT_ONCE = 50;

let engines: Engine[] = [];
let sockets: Socket[] = [];
let dropped = new Map<string, number>();

beforeEach(() => {
  engines = [];
  sockets = [];
  dropped = new Map();
});

afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(engines.map((engine) => engine.close()));
});

/** A listener that echoes, and a neighbour who is served all the while. */
async function world(options: Partial<ZmtpEngineOptions> = {}): Promise<{ port: number; serves(): Promise<void> }> {
  const [server, client] = [0, 1].map(() =>
    createZmtpEngine({
      ...ENGINE_OPTIONS,
      onDropped: (reason, _peer, count) => dropped.set(reason, (dropped.get(reason) ?? 0) + count),
      ...options,
    }),
  );
  if (server === undefined || client === undefined) throw new Error("unreachable");
  engines.push(server, client);
  const listener = await server.listen("tcp://127.0.0.1:0", (link) => ({
    onOpen() {},
    onWritable() {},
    onEnd() {},
    onFrame: (frame) => void link.send(frame),
  }));
  const neighbour = new LinkRecorder();
  const link = client.dial(listener.address, neighbour);
  await neighbour.untilOpen();
  return {
    port: Number(listener.address.split(":").at(-1)),
    async serves() {
      const before = neighbour.frames.length;
      link.send(bytes("still there"));
      await neighbour.untilFrames(before + 1);
      expect(neighbour.ends).toEqual([]);
    },
  };
}

function raw(port: number): Socket & { isGone?: boolean } {
  const socket: Socket & { isGone?: boolean } = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => {});
  socket.on("close", () => {
    socket.isGone = true;
  });
  socket.resume();
  sockets.push(socket);
  return socket;
}

const canCountDescriptors = process.platform === "linux";
const descriptors = (): number => (canCountDescriptors ? readdirSync("/proc/self/fd").length : 0);

test("thousands of connections that come, say something or nothing, and go leave nothing behind", async () => {
  const { port, serves } = await world();
  await serves();
  const before = descriptors();
  const says = [
    Buffer.alloc(0),
    Buffer.from("GET / HTTP/1.1\r\n\r\n"),
    greetingBytes().subarray(0, 20),
    greetingBytes(),
    DEALER_PREFACE,
    Buffer.concat([DEALER_PREFACE, frameBytes("hello")]),
    Buffer.concat([DEALER_PREFACE, Buffer.from("02ffffffffffffffff", "hex")]),
    Buffer.concat([DEALER_PREFACE, Buffer.from("020000000000ffffff", "hex"), Buffer.alloc(1_000)]),
  ];
  for (let made = 0; made < CONNECTS; made += AT_ONCE) {
    const some = Array.from({ length: AT_ONCE }, (_, index) => {
      const socket = raw(port);
      socket.end(says[(made + index) % says.length] ?? Buffer.alloc(0));
      return socket;
    });
    await until(() => some.every((socket) => socket.isGone === true), "they have gone", 15_000);
    sockets = [];
  }
  await serves();
  await until(
    () => descriptors() <= before,
    () => `descriptors came back: ${descriptors()} of ${before}`,
  );
  const each = CONNECTS / says.length;
  expect(dropped.get("a connection that does not speak our language") ?? 0).toBeLessThanOrEqual(3 * each);
}, 60_000);

test("those that greet a byte at a time are ended in time, and harm nobody", async () => {
  const { port, serves } = await world({ handshakeMs: 200 });
  const slow = Array.from({ length: 100 }, () => raw(port));
  const greeting = greetingBytes();
  let at = 0;
  const drip = setInterval(() => {
    for (const socket of slow) if (socket.isGone !== true) socket.write(greeting.subarray(at % 64, (at % 64) + 1));
    at++;
  }, 40);
  try {
    await until(() => slow.every((socket) => socket.isGone === true), "all were ended", 5_000);
  } finally {
    clearInterval(drip);
  }
  expect(at).toBeGreaterThan(3);
  await serves();
  await engines[0]?.close();
  await until(() => dropped.get("a connection that did not greet in time") === slow.length, "all were counted");
});

test("frames that are announced and never come cost no memory", async () => {
  const { port, serves } = await world({ maxFrameBytes: 2 ** 30 });
  const before = process.memoryUsage().rss;
  const liars = Array.from({ length: 200 }, () => raw(port));
  for (const socket of liars) {
    socket.write(Buffer.concat([DEALER_PREFACE, Buffer.from("020000000040000000", "hex"), Buffer.alloc(100)]));
  }
  await serves();
  await until(() => liars.every((socket) => socket.bytesWritten > 0 && socket.writableLength === 0), "all was said");
  await serves();
  expect(process.memoryUsage().rss - before).toBeLessThan(200 * 1024 * 1024);
});
