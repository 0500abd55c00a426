/** The engine and the session in TypeScript beside pyzmq: libzmq of another release, by another binding, in another process. */
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { PythonProgram, withPyzmq, ZMQ_SOCKET } from "../../../../test/support/pyzmq.js";
import type { Engine } from "../../src/engine/engine.js";
import { createZmtpEngine, type ZmtpEngineOptions } from "../../src/engine/zmtp-engine.js";
import { LinkRecorder } from "../support/link-recorder.js";
import { until } from "../support/until.js";
import { ZmtpPeer, zmtpServer } from "../support/zmtp-peer.js";
import { ENGINE_OPTIONS } from "./engine-suite.js";

const MIB = 1024 * 1024;
const SIZES = [1, 254, 255, 256, 8_191, 8_192, 65_535, 65_536, MIB, 10 * MIB];
const TRANSPORTS = ["tcp", "ipc"] as const;

/** The bytes that `{ $random: [seed, length] }` stands for on the other side. */
function random(seed: number, length: number): Buffer {
  const block = createHash("sha256").update(String(seed)).digest();
  return Buffer.concat(Array.from({ length: Math.floor(length / block.length) + 1 }, () => block)).subarray(0, length);
}

/** As the other side tells what it received. */
function told(frame: Uint8Array): unknown {
  if (frame.byteLength <= 64) return Buffer.from(frame).toString("hex");
  return { $sha256: createHash("sha256").update(frame).digest("hex"), length: frame.byteLength };
}

const hex = (text: string): string => Buffer.from(text).toString("hex");

interface Place {
  readonly python: PythonProgram;
  readonly dropped: string[];
  /** Where either side listens. */
  address(transport: "tcp" | "ipc", anyPort: string): string;
  engine(options?: Partial<ZmtpEngineOptions>): Engine;
}

function place(): Place {
  const directory = mkdtempSync(join(tmpdir(), "trunkline-pyzmq-"));
  const dropped: string[] = [];
  const engines: Engine[] = [];
  onTestFinished(async () => {
    await Promise.all(engines.map((engine) => engine.close()));
    rmSync(directory, { recursive: true, force: true });
  });
  return {
    python: new PythonProgram(ZMQ_SOCKET),
    dropped,
    address: (transport, anyPort) =>
      transport === "tcp" ? `tcp://127.0.0.1:${anyPort}` : `ipc://${join(directory, "s.sock")}`,
    engine(options = {}) {
      const engine = createZmtpEngine({ ...ENGINE_OPTIONS, onDropped: (reason) => dropped.push(reason), ...options });
      engines.push(engine);
      return engine;
    },
  };
}

/** An engine that sends back what comes, and the links that were made to it. */
async function echoing(
  engine: Engine,
  address: string,
): Promise<{ readonly address: string; readonly links: LinkRecorder[] }> {
  const links: LinkRecorder[] = [];
  const listener = await engine.listen(address, (link) => {
    const recorder = new LinkRecorder();
    recorder.link = link;
    recorder.onEachFrame = (frame) => expect(link.send(frame)).toBe(true);
    links.push(recorder);
    return recorder;
  });
  return { address: listener.address, links };
}

async function dialled(engine: Engine, address: string): Promise<LinkRecorder> {
  const recorder = new LinkRecorder();
  recorder.link = engine.dial(address, recorder);
  await recorder.untilOpen();
  return recorder;
}

withPyzmq("the engine beside pyzmq", { timeout: 60_000 }, () => {
  test.each(TRANSPORTS)("frames of 1 byte to 10 MiB go to a ROUTER of pyzmq and back, over %s", async (transport) => {
    const { python, address, engine } = place();
    const bound = await python.ask<string>("create", { name: "r", type: "ROUTER", bind: address(transport, "*") });
    const link = await dialled(engine(), bound);
    const echoed = python.ask("echo", { name: "r", count: SIZES.length });
    const frames = SIZES.map((size, index) => random(index, size));
    for (const [index, frame] of frames.entries()) {
      expect(link.link?.send(frame)).toBe(true);
      await link.untilFrames(index + 1, 20_000);
      expect(Buffer.compare(link.frames[index] ?? Buffer.alloc(0), frame)).toBe(0);
    }
    await echoed;
    expect(link.ends).toEqual([]);
  });

  test.each(TRANSPORTS)(
    "frames of 1 byte to 10 MiB come from a DEALER of pyzmq and go back, over %s",
    async (transport) => {
      const { python, address, engine, dropped } = place();
      const served = await echoing(engine(), address(transport, "0"));
      await python.ask("create", { name: "d", type: "DEALER", connect: served.address, identity: hex("chosen") });
      for (const [index, size] of SIZES.entries()) {
        await python.ask("send", { name: "d", frames: [{ $random: [index, size] }] });
        expect(await python.ask("receive", { name: "d" })).toEqual([told(random(index, size))]);
      }
      expect(served.links).toHaveLength(1);
      expect(dropped).toEqual([]);
    },
  );

  test("many frames at once keep their order, both ways", async () => {
    const { python, address, engine } = place();
    const served = await echoing(engine(), address("tcp", "0"));
    await python.ask("create", { name: "d", type: "DEALER", connect: served.address });
    const count = 500;
    for (let index = 0; index < count; index++) {
      void python.ask("send", { name: "d", frames: [index.toString(16).padStart(8, "0")] });
    }
    const back = new Set<string>();
    for (let index = 0; index < count; index++) {
      const [frame = ""] = await python.ask<string[]>("receive", { name: "d" });
      back.add(frame);
    }
    expect(back.size).toBe(count);
    // Commands run side by side there: the order is the engine's own, in which they came.
    expect(served.links[0]?.frames.map((frame) => Buffer.from(frame).toString("hex"))).toEqual([...back]);
  });

  test("two DEALERs that say they are the same are two links; a message of several parts ends its own", async () => {
    const { python, address, engine, dropped } = place();
    const served = await echoing(engine(), address("tcp", "0"));
    for (const name of ["one", "two"]) {
      await python.ask("create", { name, type: "DEALER", connect: served.address, identity: hex("twin") });
      await python.ask("send", { name, frames: [hex(name)] });
      expect(await python.ask("receive", { name })).toEqual([hex(name)]);
    }
    await python.ask("send", { name: "one", frames: [hex("a"), hex("b")] });
    expect((await served.links[0]?.untilEnd())?.reason).toBe("handshake");
    expect(dropped).toEqual(["a message of several parts"]);
    await python.ask("send", { name: "two", frames: [hex("still")] });
    expect(await python.ask("receive", { name: "two" })).toEqual([hex("still")]);
  });

  test("libzmq's ROUTER leaves the second of two DEALERs of one identity unheard, hence none has one", async () => {
    const { python, address } = place();
    const bound = await python.ask<string>("create", { name: "r", type: "ROUTER", bind: address("tcp", "*") });
    for (const name of ["one", "two"]) {
      await python.ask("create", { name, type: "DEALER", connect: bound, identity: hex("twin") });
      await python.ask("send", { name, frames: [hex(name)] });
      if (name === "one") expect(await python.ask("receive", { name: "r" })).toEqual([hex("twin"), hex("one")]);
    }
    await python.ask("create", { name: "three", type: "DEALER", connect: bound, identity: hex("other") });
    await python.ask("send", { name: "three", frames: [hex("three")] });
    expect(await python.ask("receive", { name: "r" })).toEqual([hex("other"), hex("three")]);
  });

  test("an empty frame ends a link of either side", async () => {
    const { python, address, engine } = place();
    const served = await echoing(engine(), address("tcp", "0"));
    await python.ask("create", { name: "d", type: "DEALER", connect: served.address });
    await python.ask("send", { name: "d", frames: [hex("hello")] });
    await python.ask("receive", { name: "d" });
    await python.ask("send", { name: "d", frames: [""] });
    expect((await served.links[0]?.untilEnd())?.detail).toBe("the other side ended the link");
    const bound = await python.ask<string>("create", { name: "r", type: "ROUTER", bind: address("tcp", "*") });
    const link = await dialled(engine(), bound);
    link.link?.send(Buffer.from("hello"));
    const [id = ""] = await python.ask<string[]>("receive", { name: "r" });
    await python.ask("send", { name: "r", frames: [id, ""] });
    expect((await link.untilEnd()).detail).toBe("the other side ended the link");
  });

  test.each(["PUSH", "PULL", "PUB", "SUB", "PAIR", "REP"])("a %s of pyzmq is no peer of a listener", async (type) => {
    const { python, address, engine, dropped } = place();
    const served = await echoing(engine(), address("tcp", "0"));
    await python.ask("create", { name: "wrong", type, connect: served.address });
    await until(() => dropped.includes("a connection that does not speak our language"), "it was refused");
    await python.ask("create", { name: "right", type: "DEALER", connect: served.address });
    await python.ask("send", { name: "right", frames: [hex("right")] });
    expect(await python.ask("receive", { name: "right" })).toEqual([hex("right")]);
    expect(served.links).toHaveLength(1);
  });

  test("heartbeats of both sides keep idle links, and a killed process is known at once", async () => {
    const { python, address, engine } = place();
    const often = { heartbeatMs: 50, heartbeatTimeoutMs: 500 };
    const served = await echoing(engine(often), address("tcp", "0"));
    const beats = { HEARTBEAT_IVL: 50, HEARTBEAT_TIMEOUT: 500, HEARTBEAT_TTL: 500 };
    await python.ask("create", { name: "d", type: "DEALER", connect: served.address, ...beats });
    await python.ask("send", { name: "d", frames: [hex("hello")] });
    await python.ask("receive", { name: "d" });
    const bound = await python.ask<string>("create", {
      name: "r",
      type: "ROUTER",
      bind: address("tcp", "*"),
      ...beats,
    });
    const link = await dialled(engine(often), bound);
    const began = performance.now();
    await until(() => performance.now() - began > 1_500, "many heartbeats are over");
    expect([...served.links, link].flatMap(({ ends }) => ends)).toEqual([]);
    await python.kill();
    expect((await link.untilEnd()).reason).toBe("lost");
    expect((await served.links[0]?.untilEnd())?.reason).toBe("lost");
  });
});

withPyzmq("the session beside pyzmq: whole messages and identities", { timeout: 60_000 }, () => {
  const FRAMES = [Buffer.from("a"), Buffer.alloc(0), random(1, 300), random(2, 70_000), Buffer.alloc(0)];
  const TOLD = FRAMES.map(told);
  const ASKED = [hex("a"), "", { $random: [1, 300] }, { $random: [2, 70_000] }, ""];

  test.each([0, 1] as const)(
    "messages of several frames, with empty ones, go to a ROUTER and back, offering 3.%i",
    async (minor) => {
      const { python } = place();
      const bound = await python.ask<string>("create", { name: "r", type: "ROUTER", bind: "tcp://127.0.0.1:*" });
      const to = { host: "127.0.0.1", port: Number(bound.slice(bound.lastIndexOf(":") + 1)) };
      const peer = await ZmtpPeer.dial(to, { socketType: "DEALER", minor, identity: Buffer.from("d1") });
      onTestFinished(() => void peer.socket.destroy());
      await peer.untilReady();
      expect(peer.info).toMatchObject({ socketType: "ROUTER", minor });
      for (const frames of [[Buffer.alloc(0)], FRAMES]) {
        peer.send(...frames);
        expect(await python.ask("receive", { name: "r" })).toEqual([hex("d1"), ...frames.map(told)]);
      }
      await python.ask("send", { name: "r", frames: [hex("d1"), ...ASKED] });
      await until(() => peer.messages.length > 0, "it came back");
      expect(peer.messages).toEqual([FRAMES]);
    },
  );

  test.each([0, 1] as const)(
    "messages of several frames, with empty ones, come from a DEALER and go back, offering 3.%i",
    async (minor) => {
      const { python } = place();
      const { server, peers } = await zmtpServer({ port: 0, host: "127.0.0.1" }, { socketType: "ROUTER", minor });
      onTestFinished(() => {
        server.close();
        for (const peer of peers) peer.socket.destroy();
      });
      const at = server.address();
      const connect = `tcp://127.0.0.1:${typeof at === "object" ? at?.port : 0}`;
      const identity = Buffer.alloc(255, "i");
      await python.ask("create", { name: "d", type: "DEALER", connect, identity: identity.toString("hex") });
      await python.ask("send", { name: "d", frames: ASKED });
      await until(() => (peers[0]?.messages.length ?? 0) > 0, "it came");
      expect(peers[0]?.messages).toEqual([FRAMES]);
      expect(peers[0]?.info).toMatchObject({ socketType: "DEALER", identity });
      peers[0]?.send(...FRAMES);
      expect(await python.ask("receive", { name: "d" })).toEqual(TOLD);
    },
  );

  test("a REQ is understood", async () => {
    const { python } = place();
    const { server, peers } = await zmtpServer({ port: 0, host: "127.0.0.1" }, { socketType: "ROUTER" });
    onTestFinished(() => {
      server.close();
      for (const peer of peers) peer.socket.destroy();
    });
    const at = server.address();
    await python.ask("create", {
      name: "q",
      type: "REQ",
      connect: `tcp://127.0.0.1:${typeof at === "object" ? at?.port : 0}`,
    });
    await python.ask("send", { name: "q", frames: [hex("question")] });
    await until(() => (peers[0]?.messages.length ?? 0) > 0, "it came");
    expect(peers[0]?.messages[0]?.map(String)).toEqual(["", "question"]);
    peers[0]?.send(Buffer.alloc(0), Buffer.from("answer"));
    expect(await python.ask("receive", { name: "q" })).toEqual([hex("answer")]);
  });
});
