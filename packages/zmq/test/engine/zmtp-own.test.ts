// Over 300 lines: what this engine has beside what every engine promises, in one list.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ListenError } from "@trunkline/core/driver";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Engine } from "../../src/engine/engine.js";
import { createZmtpEngine, type ZmtpEngineOptions } from "../../src/engine/zmtp-engine.js";
import { bytes, LinkRecorder } from "../support/link-recorder.js";
import { built, runChild } from "../support/run-child.js";
import { until } from "../support/until.js";
import { commandBytes, DEALER_PREFACE, frameBytes, greetingBytes, readyBytes } from "../support/zmtp-bytes.js";
import { ENGINE_OPTIONS } from "./engine-suite.js";

/** For child processes: an engine and its options. */
const CHILD = `
  import { createZmtpEngine } from ${JSON.stringify(built("engine/zmtp-engine.js"))};
  const engine = createZmtpEngine(${JSON.stringify(ENGINE_OPTIONS)});
  const quiet = { onOpen() {}, onFrame() {}, onWritable() {}, onEnd() {} };
`;

describe("the zmtp engine's own", () => {
  let closing: { close(): unknown }[] = [];
  let dropped: string[] = [];
  beforeEach(() => {
    closing = [];
    dropped = [];
  });
  afterEach(async () => {
    await Promise.all(closing.map((one) => one.close()));
  });

  const engineWith = (options: Partial<ZmtpEngineOptions> = {}): Engine => {
    const engine = createZmtpEngine({
      ...ENGINE_OPTIONS,
      onDropped: (reason, _peer, count) => dropped.push(...Array.from({ length: count }, () => reason)),
      ...options,
    });
    closing.push(engine);
    return engine;
  };

  async function listening(
    engine: Engine,
    address = "tcp://127.0.0.1:0",
  ): Promise<{ address: string; port: number; accepted: LinkRecorder[] }> {
    const accepted: LinkRecorder[] = [];
    const listener = await engine.listen(address, (link) => {
      const recorder = new LinkRecorder();
      recorder.link = link;
      accepted.push(recorder);
      return recorder;
    });
    return { address: listener.address, port: Number(listener.address.split(":").at(-1)), accepted };
  }

  interface Raw {
    readonly socket: Socket;
    readonly got: () => Buffer;
    readonly isClosed: () => boolean;
  }

  function raw(port: number, ...says: readonly Uint8Array[]): Raw {
    const socket = connect({ port, host: "127.0.0.1" });
    const chunks: Buffer[] = [];
    let closed = false;
    socket.on("error", () => {});
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.on("close", () => {
      closed = true;
    });
    for (const bytesSaid of says) socket.write(bytesSaid);
    closing.push({ close: () => socket.destroy() });
    return { socket, got: () => Buffer.concat(chunks), isClosed: () => closed };
  }

  test("a peer is known by its address, and by a number where it has none", async () => {
    const tcp = await listening(engineWith());
    const peer = raw(tcp.port, DEALER_PREFACE, frameBytes("hello"));
    await until(() => tcp.accepted.length === 1, "it was accepted");
    expect(tcp.accepted[0]?.link?.peer).toBe(`tcp://127.0.0.1:${peer.socket.localPort}`);
    const directory = mkdtempSync(join(tmpdir(), "trunkline-zmtp-"));
    closing.push({ close: () => rmSync(directory, { recursive: true, force: true }) });
    const ipc = await listening(engineWith(), `ipc://${join(directory, "s.sock")}`);
    engineWith().dial(ipc.address, new LinkRecorder()).send(bytes("hello"));
    await until(() => ipc.accepted.length === 1, "it was accepted");
    expect(ipc.accepted[0]?.link?.peer).toBe(`${ipc.address}#1`);
  });

  test("a connection that has greeted and says nothing is no link", async () => {
    const { port, accepted } = await listening(engineWith());
    const silent = raw(port, DEALER_PREFACE);
    await until(() => silent.got().includes("READY"), "it was greeted");
    raw(port, DEALER_PREFACE, frameBytes("hello"));
    await until(() => accepted.length === 1, "the other was accepted");
    expect(accepted[0]?.texts).toEqual(["hello"]);
    expect(silent.isClosed()).toBe(false);
  });

  test.each(["PUSH", "PULL", "PUB", "SUB", "PAIR", "REP"])(
    "a socket of type %s is refused with the reason",
    async (type) => {
      const { port, accepted } = await listening(engineWith());
      const peer = raw(port, greetingBytes(), readyBytes(type));
      await until(peer.isClosed, "it was closed");
      expect(peer.got().includes("Invalid socket type")).toBe(true);
      expect(dropped).toEqual(["a connection that does not speak our language"]);
      expect(accepted).toEqual([]);
    },
  );

  test.each([
    ["ZMTP 1.0", Buffer.from([1, 0])],
    ["ZMTP 2.0", Buffer.from("ff00000000000000017f01050000", "hex")],
    ["CURVE", greetingBytes({ mechanism: "CURVE" })],
    ["a frame before READY", Buffer.concat([greetingBytes(), frameBytes("hello")])],
    ["a command of 5 000 bytes", Buffer.concat([greetingBytes(), frameBytes(Buffer.alloc(5_000, 1), 4)])],
  ])("%s is refused, and counted", async (_what, says) => {
    const { port, accepted } = await listening(engineWith());
    const peer = raw(port, says);
    await until(peer.isClosed, "it was closed");
    expect(dropped).toEqual(["a connection that does not speak our language"]);
    expect(accepted).toEqual([]);
  });

  test.each([
    ["a frame beyond the bound", Buffer.from("02ffffffffffffffff", "hex"), "too-large"],
    ["an unknown flag", Buffer.of(64, 0), "frame"],
    ["a malformed PING", commandBytes("PING"), "command"],
  ])("%s ends its link alone, and is counted", async (_what, says, code) => {
    const { port, accepted } = await listening(engineWith());
    const neighbour = raw(port, DEALER_PREFACE, frameBytes("one"));
    const peer = raw(port, DEALER_PREFACE, frameBytes("hello"), says, frameBytes("never"));
    await until(peer.isClosed, "it was closed");
    expect(dropped).toEqual([`a connection that breaks the rules of ZMTP (${code})`]);
    await until(() => accepted.length === 2, "both were accepted");
    const link = accepted.find((recorder) => recorder.texts[0] === "hello");
    expect(link?.texts).toEqual(["hello"]);
    expect(link?.ends).toMatchObject([{ reason: "lost", detail: expect.stringContaining("broke a rule") }]);
    neighbour.socket.write(frameBytes("two"));
    await until(() => accepted.some((recorder) => recorder.texts.join() === "one,two"), "the neighbour was heard");
  });

  test("a message of several parts is counted and ends its link alone", async () => {
    const { port, accepted } = await listening(engineWith());
    const peer = raw(port, DEALER_PREFACE, frameBytes("hello"), frameBytes("two", 1), frameBytes("parts"));
    await until(peer.isClosed, "it was closed");
    expect(dropped).toEqual(["a message of several parts"]);
    expect(accepted[0]?.ends).toMatchObject([
      { reason: "handshake", detail: expect.stringContaining("several parts") },
    ]);
  });

  test("somebody who only looks whether it listens is not counted", async () => {
    const { port } = await listening(engineWith());
    const looker = raw(port);
    await until(() => looker.got().length > 0, "it was greeted");
    looker.socket.end();
    await until(looker.isClosed, "it was closed");
    expect(dropped).toEqual([]);
  });

  test("connections are bounded: in all, and for one address", async () => {
    for (const [bounds, reason] of [
      [{ connections: 2 }, "a connection beyond 2"],
      [{ connectionsPerAddress: 2 }, "a connection beyond 2 from one address"],
    ] as const) {
      dropped = [];
      const { port } = await listening(engineWith({ bounds }));
      const first = [raw(port), raw(port)];
      await until(() => first.every((peer) => peer.got().length > 0), "two were greeted");
      const third = raw(port);
      await until(third.isClosed, "the third was closed");
      expect(third.got().length).toBe(0);
      expect(dropped).toEqual([reason]);
      first[0]?.socket.destroy();
      await until(() => first[0]?.isClosed() === true, "the first has gone");
      // Its end may be known a turn later.
      let next = raw(port);
      await until(() => {
        if (next.isClosed()) next = raw(port);
        return next.got().length > 0;
      }, "there is room again");
    }
  });

  test("one that does not read is sent no more than a bound, pongs included", async () => {
    const { port, accepted } = await listening(engineWith());
    const peer = raw(port, DEALER_PREFACE, frameBytes("hello"));
    await until(() => accepted.length === 1, "it was accepted");
    peer.socket.pause();
    const frame = new Uint8Array(256 * 1024);
    const link = accepted[0]?.link;
    for (let quiet = 0; quiet < 20; ) {
      quiet = link?.send(frame) === true ? 0 : quiet + 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    const before = link?.bytesWaiting ?? 0;
    for (let ping = 0; ping < 2_000; ping++) peer.socket.write(commandBytes("PING", Buffer.alloc(18)));
    peer.socket.write(frameBytes("heard"));
    await until(() => accepted[0]?.texts.at(-1) === "heard", "all was read");
    expect(link?.bytesWaiting).toBeLessThan(before + 300 * 1024);
    expect(before).toBeLessThanOrEqual(4 * 1024 * 1024 + 1024);
  });

  test("a dialer tells what is wrong with who answers", async () => {
    for (const [says, detail] of [
      [Buffer.concat([greetingBytes(), readyBytes("PULL")]), /its socket is a PULL/u],
      [Buffer.from("ff00000000000000017f01050000", "hex"), /version 1 of ZMTP/u],
      [
        Buffer.concat([greetingBytes(), commandBytes("ERROR", Buffer.from("\x04full"))]),
        /refused the connection: full/u,
      ],
    ] as const) {
      const server = createServer((socket) => {
        socket.on("error", () => {});
        socket.end(says);
      });
      closing.push({ close: () => server.close() });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const address = server.address();
      const recorder = new LinkRecorder();
      engineWith().dial(`tcp://127.0.0.1:${typeof address === "object" ? address?.port : ""}`, recorder);
      expect(await recorder.untilEnd()).toMatchObject({ reason: "handshake", detail: expect.stringMatching(detail) });
      expect(recorder.opened).toBe(0);
    }
  });

  test("a killed peer is known at once on both sides", async () => {
    const { address, accepted } = await listening(engineWith());
    const dialler = runChild(`${CHILD}
      engine.dial(${JSON.stringify(address)}, quiet).send(Buffer.from("hello"));
    `);
    await until(() => accepted.length === 1, "a link was accepted", 15_000);
    dialler.kill("SIGKILL");
    expect((await accepted[0]?.untilEnd(2_000))?.reason).toBe("lost");
    const server = runChild(`${CHILD}
      console.log((await engine.listen("tcp://127.0.0.1:0", () => quiet)).address);
    `);
    const recorder = new LinkRecorder();
    engineWith().dial(await server.line(), recorder);
    await recorder.untilOpen();
    server.kill("SIGKILL");
    expect((await recorder.untilEnd(2_000)).reason).toBe("lost");
  });

  test("a stopped peer is found by heartbeats on both sides", async () => {
    const options = { heartbeatMs: 100, heartbeatTimeoutMs: 300 };
    const { address, accepted } = await listening(engineWith(options));
    const child = runChild(`${CHILD}
      engine.dial(${JSON.stringify(address)}, quiet).send(Buffer.from("hello"));
      console.log((await engine.listen("tcp://127.0.0.1:0", () => quiet)).address);
    `);
    const recorder = new LinkRecorder();
    engineWith(options).dial(await child.line(), recorder);
    await recorder.untilOpen();
    await until(() => accepted.length === 1, "a link was accepted");
    child.kill("SIGSTOP");
    expect(await recorder.untilEnd(3_000)).toMatchObject({ reason: "lost", detail: "the other side is silent" });
    expect((await accepted[0]?.untilEnd(3_000))?.reason).toBe("lost");
    child.kill("SIGKILL");
    await child.ended;
  });

  test("this process may hang for longer than the timeout: what the others said meanwhile is read first", async () => {
    const options = { heartbeatMs: 100, heartbeatTimeoutMs: 300 };
    const { address, accepted } = await listening(engineWith(options));
    const child = runChild(`${CHILD}
      const link = engine.dial(${JSON.stringify(address)}, quiet);
      console.log((await engine.listen("tcp://127.0.0.1:0", (link) => ({ ...quiet, onFrame: (frame) => link.send(frame) }))).address);
      link.send(Buffer.from("hello"));
    `);
    const recorder = new LinkRecorder();
    const link = engineWith(options).dial(await child.line(), recorder);
    await recorder.untilOpen();
    await until(() => accepted.length === 1, "a link was accepted");
    const blockedUntil = performance.now() + 1_000;
    while (performance.now() < blockedUntil);
    link.send(bytes("after"));
    await recorder.untilFrames(1);
    expect([recorder.ends, accepted[0]?.ends]).toEqual([[], []]);
    child.kill("SIGKILL");
    await child.ended;
  });

  test("what was sent to a listener never reaches its successor on the same address", async () => {
    const first = engineWith();
    const { address } = await listening(first);
    const recorder = new LinkRecorder();
    const link = engineWith().dial(address, recorder);
    const sendThirty = (what: string): void => {
      for (let index = 0; index < 30; index += 1) link.send(bytes(`${what} ${index}`));
    };
    await recorder.untilOpen();
    await first.close();
    sendThirty("old");
    const { accepted } = await listening(engineWith(), address);
    sendThirty("still old");
    expect((await recorder.untilEnd()).reason).toBe("lost");
    engineWith().dial(address, new LinkRecorder()).send(bytes("new"));
    await until(() => accepted.length > 0, "a link was accepted");
    expect(accepted.flatMap((peer) => peer.texts)).toEqual(["new"]);
  });

  test("what was taken before close is read by the other side, however slow it is", async () => {
    const server = engineWith();
    const { address, accepted } = await listening(server);
    const link = engineWith().dial(address, new LinkRecorder());
    const frame = new Uint8Array(64 * 1024);
    let sent = 0;
    while (sent < 60 && link.send(frame)) sent++;
    await until(() => accepted.length === 1, "a link was accepted");
    link.close(5_000);
    await accepted[0]?.untilEnd();
    expect(accepted[0]?.framesAtEnd).toBe(sent);
  });

  test("an abstract socket is refused, to dial and to bind", async () => {
    await expect(engineWith().listen("ipc://@name", () => new LinkRecorder())).rejects.toThrow(ListenError);
    const recorder = new LinkRecorder();
    engineWith().dial("ipc://@name", recorder);
    expect(await recorder.untilEnd()).toMatchObject({
      reason: "failed",
      detail: expect.stringContaining("abstract socket"),
    });
    expect(existsSync("@name")).toBe(false);
  });

  test("a process that closed its engine ends by itself, and had no add-on", async () => {
    const child = runChild(`${CHILD}
      import { createRequire } from "node:module";
      const listener = await engine.listen("tcp://127.0.0.1:0", (link) => ({ ...quiet, onFrame: (frame) => link.send(frame) }));
      await new Promise((resolve) => {
        const link = engine.dial(listener.address, { ...quiet, onFrame: resolve });
        link.send(Buffer.alloc(1_000));
        engine.dial("tcp://127.0.0.1:9", quiet);
      });
      await engine.close();
      const require = createRequire(${JSON.stringify(built("engine/zmtp-engine.js"))});
      console.log(Object.keys(require.cache).filter((path) => path.includes("zeromq")).length);
    `);
    expect(await child.line()).toBe("0");
    expect(await child.ended).toEqual({ code: 0, signal: null, stderr: "" });
  });

  test("it works in a worker thread, which may be ended at any time", async () => {
    const { address, accepted } = await listening(engineWith());
    const child = runChild(`
      import { Worker } from "node:worker_threads";
      const worker = new Worker(${JSON.stringify(`
        import { parentPort } from "node:worker_threads";
        ${CHILD}
        engine.dial(${JSON.stringify(address)}, { ...quiet, onOpen: () => parentPort.postMessage("open") }).send(Buffer.from("hello"));
      `)}, { eval: true });
      worker.on("message", () => setTimeout(() => worker.terminate().then(() => console.log("ended")), 50));
    `);
    expect(await child.line()).toBe("ended");
    expect((await accepted[0]?.untilEnd())?.reason).toBe("lost");
    expect(accepted[0]?.texts).toEqual(["hello"]);
    expect((await child.ended).code).toBe(0);
  });

  test("too many open files is an error that says what to raise, and a listener lives through it", async () => {
    const child = runChild(
      `${CHILD}
      import { openSync, closeSync } from "node:fs";
      import { createZmtpEngine as create } from ${JSON.stringify(built("engine/zmtp-engine.js"))};
      const server = create(${JSON.stringify(ENGINE_OPTIONS)});
      const listener = await server.listen("tcp://127.0.0.1:0", (link) => ({ ...quiet, onFrame: (frame) => link.send(frame) }));
      const files = [];
      try { for (;;) files.push(openSync("/dev/null", "r")); } catch {}
      const end = await new Promise((onEnd) => engine.dial("tcp://127.0.0.1:9", { ...quiet, onEnd }));
      const error = await engine.listen("tcp://127.0.0.1:0", () => quiet).catch((error) => error);
      // One for the dialer, and none for the listener.
      closeSync(files.pop());
      const turnedAway = await new Promise((onEnd) => engine.dial(listener.address, { ...quiet, onEnd }));
      for (const file of files) closeSync(file);
      await new Promise((onFrame) => engine.dial(listener.address, { ...quiet, onFrame }).send(Buffer.from("hello")));
      console.log(JSON.stringify([end.reason + ": " + end.error.message, error.name + ": " + error.message, turnedAway.reason]));
      await Promise.all([engine.close(), server.close()]);
    `,
      { openFiles: 60 },
    );
    const [dialled, bound, turnedAway] = JSON.parse(await child.line()) as string[];
    expect(dialled).toMatch(/^failed: cannot dial tcp:.*too many open files.*ulimit -n/u);
    expect(bound).toMatch(/^ListenError: cannot listen on .*ulimit -n/u);
    expect(turnedAway).toBe("handshake");
    expect(await child.ended).toEqual({ code: 0, signal: null, stderr: "" });
  });
});
