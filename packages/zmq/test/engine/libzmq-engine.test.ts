import { setImmediate as turn } from "node:timers/promises";
import { ListenError } from "@trunkline/core/driver";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Engine } from "../../src/engine/engine.js";
import { createLibzmqEngine, type LibzmqEngineOptions } from "../../src/engine/libzmq-engine.js";
import { bytes, LinkRecorder } from "../support/link-recorder.js";
import { built, runChild } from "../support/run-child.js";
import { until } from "../support/until.js";
import { ENGINE_OPTIONS, engineSuite } from "./engine-suite.js";

engineSuite("libzmq", createLibzmqEngine);
engineSuite("libzmq without its draft options", (options) => createLibzmqEngine({ ...options, seesDepartures: false }));

/** For child processes: an engine and its options. */
const CHILD = `
  import { createLibzmqEngine } from ${JSON.stringify(built("engine/libzmq-engine.js"))};
  const engine = createLibzmqEngine(${JSON.stringify(ENGINE_OPTIONS)});
  const quiet = { onOpen() {}, onFrame() {}, onWritable() {}, onEnd() {} };
`;

describe("the libzmq engine's own", () => {
  let engines: Engine[] = [];
  beforeEach(() => {
    engines = [];
  });
  afterEach(async () => {
    await Promise.all(engines.map((engine) => engine.close()));
  });

  const engineWith = (options: Partial<LibzmqEngineOptions> = {}): Engine => {
    const engine = createLibzmqEngine({ ...ENGINE_OPTIONS, ...options });
    engines.push(engine);
    return engine;
  };

  async function listening(
    engine: Engine,
    address = "tcp://127.0.0.1:0",
  ): Promise<{ address: string; accepted: LinkRecorder[] }> {
    const accepted: LinkRecorder[] = [];
    const listener = await engine.listen(address, (link) => {
      const recorder = new LinkRecorder();
      recorder.link = link;
      accepted.push(recorder);
      return recorder;
    });
    return { address: listener.address, accepted };
  }

  test("a link without a frame for silentMs is silent, where departures are not seen", async () => {
    const { address, accepted } = await listening(engineWith({ seesDepartures: false, silentMs: 200 }));
    const recorder = new LinkRecorder();
    const link = engineWith().dial(address, recorder);
    link.send(bytes("hello"));
    await until(() => accepted.length === 1, "a link was accepted");
    const began = performance.now();
    const end = await accepted[0]?.untilEnd();
    expect(end?.reason).toBe("silent");
    expect(performance.now() - began).toBeGreaterThanOrEqual(150);
  });

  test("a link that goes on sending is not silent", async () => {
    const { address, accepted } = await listening(engineWith({ seesDepartures: false, silentMs: 200 }));
    const link = engineWith().dial(address, new LinkRecorder());
    const began = performance.now();
    while (performance.now() - began < 500) {
      link.send(bytes("still here"));
      await turn();
    }
    expect(accepted).toHaveLength(1);
    expect(accepted[0]?.ends).toEqual([]);
  });

  test("a reply to a peer that is gone ends its link, where departures are not seen", async () => {
    const { address, accepted } = await listening(engineWith({ seesDepartures: false }));
    const child = runChild(`${CHILD}
      const link = engine.dial(${JSON.stringify(address)}, quiet);
      link.send(Buffer.from("hello"));
    `);
    await until(() => accepted.length === 1, "a link was accepted");
    child.kill("SIGKILL");
    await child.ended;
    const peer = accepted[0];
    await until(() => {
      peer?.link?.send(bytes("reply"));
      return (peer?.ends.length ?? 0) > 0;
    }, "the link ended");
    expect(peer?.ends[0]?.reason).toBe("lost");
  });

  test("a killed peer is known at once on both sides", async () => {
    const { address, accepted } = await listening(engineWith());
    const dialler = runChild(`${CHILD}
      const link = engine.dial(${JSON.stringify(address)}, quiet);
      link.send(Buffer.from("hello"));
    `);
    await until(() => accepted.length === 1, "a link was accepted");
    dialler.kill("SIGKILL");
    expect((await accepted[0]?.untilEnd(2_000))?.reason).toBe("lost");

    const server = runChild(`${CHILD}
      const listener = await engine.listen("tcp://127.0.0.1:0", () => quiet);
      console.log(listener.address);
    `);
    const recorder = new LinkRecorder();
    engineWith().dial(await server.line(), recorder);
    await recorder.untilOpen();
    server.kill("SIGKILL");
    expect((await recorder.untilEnd(2_000)).reason).toBe("lost");
  });

  test("what is sent while the last frames of a vanished peer are read was not taken, and may go elsewhere (B12)", async () => {
    const server = runChild(`${CHILD}
      const listener = await engine.listen("tcp://127.0.0.1:0", () => quiet);
      console.log(listener.address);
    `);
    const recorder = new LinkRecorder();
    const link = engineWith().dial(await server.line(), recorder);
    await recorder.untilOpen();
    server.kill("SIGKILL");
    let wasTaken = true;
    await until(() => {
      if (recorder.ends.length === 0) wasTaken = link.send(bytes("too late"));
      return recorder.ends.length > 0;
    }, "the link ended");
    expect(wasTaken).toBe(false);
  });

  test("a stopped peer is found by heartbeats on both sides", async () => {
    const options = { heartbeatMs: 100, heartbeatTimeoutMs: 300 };
    const { address, accepted } = await listening(engineWith(options));
    const child = runChild(`${CHILD}
      const link = engine.dial(${JSON.stringify(address)}, quiet);
      link.send(Buffer.from("hello"));
      const listener = await engine.listen("tcp://127.0.0.1:0", () => quiet);
      console.log(listener.address);
    `);
    const recorder = new LinkRecorder();
    engineWith(options).dial(await child.line(), recorder);
    await recorder.untilOpen();
    await until(() => accepted.length === 1, "a link was accepted");
    child.kill("SIGSTOP");
    expect((await recorder.untilEnd(3_000)).reason).toBe("lost");
    expect((await accepted[0]?.untilEnd(3_000))?.reason).toBe("lost");
    child.kill("SIGKILL");
    await child.ended;
  });

  test("a blocked event loop is no dead peer", async () => {
    const options = { heartbeatMs: 100, heartbeatTimeoutMs: 300 };
    const { address, accepted } = await listening(engineWith(options));
    const recorder = new LinkRecorder();
    const link = engineWith(options).dial(address, recorder);
    await recorder.untilOpen();
    link.send(bytes("before"));
    const blockedUntil = performance.now() + 1_000;
    while (performance.now() < blockedUntil);
    link.send(bytes("after"));
    await until(() => accepted[0]?.frames.length === 2, "both frames came");
    expect(recorder.ends).toEqual([]);
  });

  test("what was sent to a listener never reaches its successor on the same address", async () => {
    const first = engineWith();
    const { address } = await listening(first);
    const recorder = new LinkRecorder();
    const link = engineWith().dial(address, recorder);
    await recorder.untilOpen();
    await first.close();
    for (let index = 0; index < 30; index += 1) link.send(bytes(`old ${index}`));
    const { accepted } = await listening(engineWith(), address);
    for (let index = 0; index < 30; index += 1) link.send(bytes(`still old ${index}`));
    expect((await recorder.untilEnd()).reason).toBe("lost");
    const successor = new LinkRecorder();
    engineWith().dial(address, successor).send(bytes("new"));
    await until(() => accepted.length > 0, "a link was accepted");
    expect(accepted.flatMap((peer) => peer.texts)).toEqual(["new"]);
  });

  test("a message of several parts is counted and ends its link alone", async () => {
    const dropped: string[] = [];
    const { address, accepted } = await listening(
      engineWith({ onDropped: (reason, _peer, count) => dropped.push(...Array.from({ length: count }, () => reason)) }),
    );
    const neighbour = engineWith().dial(address, new LinkRecorder());
    neighbour.send(bytes("one"));
    const { Dealer } = await import("zeromq");
    const foreign = new Dealer({ linger: 0 });
    try {
      foreign.connect(address);
      await foreign.send("a proper first frame");
      await until(() => accepted.length === 2, "both were accepted");
      await foreign.send(["two", "parts"]);
      await until(() => dropped.length === 1, "it was counted");
      await foreign.send("and on it goes");
      await until(() => dropped.length === 2, "what a cut link sends is counted");
      neighbour.send(bytes("two"));
      await until(() => accepted.some((recorder) => recorder.frames.length === 2), "the neighbour goes on");
    } finally {
      foreign.close();
    }
    expect(dropped).toEqual(["a message of several parts", "a frame of a link that was cut"]);
    expect(accepted.flatMap((recorder) => recorder.ends.map((end) => end.reason))).toEqual(["handshake"]);
  });

  test("a peer that does not read stops no other, and is bounded", async () => {
    const { address, accepted } = await listening(engineWith());
    const child = runChild(`${CHILD}
      const link = engine.dial(${JSON.stringify(address)}, quiet);
      link.send(Buffer.from("hello"));
    `);
    await until(() => accepted.length === 1, "the slow peer was accepted");
    child.kill("SIGSTOP");
    const slow = accepted[0]?.link;
    const frame = new Uint8Array(256 * 1024);
    let taken = 0;
    let refusals = 0;
    while (refusals < 20) {
      if (slow?.send(frame) === true) taken += 1;
      else refusals += 1;
      await turn();
    }
    expect(taken).toBeLessThan(100);
    const recorder = new LinkRecorder();
    const neighbour = engineWith().dial(address, recorder);
    neighbour.send(bytes("hello"));
    await until(() => accepted.length === 2, "the neighbour was accepted");
    accepted[1]?.link?.send(bytes("welcome"));
    await recorder.untilFrames(1, 1_000);
    child.kill("SIGKILL");
    await child.ended;
  });

  test("close flushes to a slow reader before the process ends", async () => {
    const { address, accepted } = await listening(engineWith());
    const child = runChild(`${CHILD}
      let left = 300;
      const pump = () => { while (left > 0 && link.send(Buffer.alloc(100_000, left % 256))) left -= 1; if (left === 0) link.close(5_000); };
      const link = engine.dial(${JSON.stringify(address)}, { ...quiet, onOpen: pump, onWritable: pump, onEnd: () => engine.close() });
    `);
    await until(() => accepted.length === 1, "a link was accepted");
    const blockedUntil = performance.now() + 500;
    while (performance.now() < blockedUntil);
    const peer = accepted[0];
    expect((await peer?.untilEnd())?.reason).toBe("lost");
    expect(peer?.framesAtEnd).toBe(300);
    expect(await child.ended).toEqual({ code: 0, signal: null, stderr: "" });
  });

  test("a process that closed its engine ends by itself", async () => {
    const child = runChild(`${CHILD}
      const listener = await engine.listen("tcp://127.0.0.1:0", (link) => ({ ...quiet, onFrame: (frame) => link.send(frame) }));
      await new Promise((resolve) => {
        const link = engine.dial(listener.address, { ...quiet, onFrame: resolve });
        link.send(Buffer.alloc(1_000));
        engine.dial("tcp://127.0.0.1:9", quiet);
      });
      await engine.close();
      console.log("closed");
    `);
    expect(await child.line()).toBe("closed");
    expect(await child.ended).toEqual({ code: 0, signal: null, stderr: "" });
  });

  test("creating an engine starts nothing and loads nothing", async () => {
    const child = runChild(`${CHILD}
      import { createRequire } from "node:module";
      const require = createRequire(${JSON.stringify(built("engine/libzmq-engine.js"))});
      console.log(Object.keys(require.cache).filter((path) => path.includes("zeromq")).length);
      await engine.close();
    `);
    expect(await child.line()).toBe("0");
    expect((await child.ended).code).toBe(0);
  });

  test("too many open files is an error that says what to raise", async () => {
    const child = runChild(
      `${CHILD}
      const first = await engine.listen("tcp://127.0.0.1:0", () => quiet);
      const errors = [];
      for (let count = 0; count < 60 && errors.length === 0; count += 1) {
        await new Promise((resolve) => {
          engine.dial(first.address, { ...quiet, onOpen: resolve, onEnd: (end) => {
            if (end.reason === "failed") errors.push(end.error.message);
            resolve();
          } });
        });
      }
      await engine.listen("tcp://127.0.0.1:0", () => quiet).catch((error) => errors.push(error.name + ": " + error.message));
      console.log(JSON.stringify(errors));
      await engine.close();
    `,
      { openFiles: 70 },
    );
    const errors = JSON.parse(await child.line()) as string[];
    expect(errors[0]).toMatch(/cannot dial tcp:.*too many open files.*ulimit -n/u);
    expect(errors[1]).toMatch(/^ListenError: cannot listen on .*ulimit -n/u);
    expect((await child.ended).code).toBe(0);
  });

  test("no free descriptor for libzmq's own threads is an error, not an abort", async () => {
    const child = runChild(
      `${CHILD}
      import { openSync } from "node:fs";
      try { for (;;) openSync("/dev/null", "r"); } catch {}
      await engine.listen("tcp://127.0.0.1:0", () => quiet).catch((error) => console.log(error.name + ": " + error.message));
    `,
      { openFiles: 64 },
    );
    expect(await child.line()).toMatch(/^ListenError: .*ulimit -n/u);
    expect((await child.ended).code).toBe(0);
  });

  test("a worker thread is refused, with the reason", async () => {
    const child = runChild(`
      import { Worker } from "node:worker_threads";
      const worker = new Worker(${JSON.stringify(`
        import { parentPort } from "node:worker_threads";
        import { createLibzmqEngine } from ${JSON.stringify(built("engine/libzmq-engine.js"))};
        try { createLibzmqEngine(${JSON.stringify(ENGINE_OPTIONS)}); } catch (error) {
          parentPort.postMessage({ ...error, message: error.message });
        }
      `)}, { eval: true });
      worker.on("message", (message) => { console.log(JSON.stringify(message)); worker.terminate(); });
    `);
    const refusal = JSON.parse(await child.line()) as Record<string, string>;
    expect(refusal).toMatchObject({ code: "ERR_NOT_SUPPORTED", capability: "worker-threads", driver: "zmq" });
    expect(refusal["message"]).toMatch(/abort the whole process/u);
    expect((await child.ended).code).toBe(0);
  });

  test("a port that another program has is told so", async () => {
    const engine = engineWith();
    const { address } = await listening(engine);
    await expect(listening(engine, address)).rejects.toThrow(ListenError);
    await expect(listening(engine, address)).rejects.toThrow(/stop the process that has it/u);
  });
});
