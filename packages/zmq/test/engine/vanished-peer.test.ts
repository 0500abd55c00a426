import { expect, test } from "vitest";
import { Dealer } from "zeromq";
import { built, runChild } from "../support/run-child.js";

const FRAMES = 2_000;
const HEARTBEAT_MS = 100;

test("a process that is busy while a peer floods it and vanishes lives on, and gets all that was sent", async () => {
  const child = runChild(`
    import { createLibzmqEngine } from ${JSON.stringify(built("engine/libzmq-engine.js"))};
    import { writeSync } from "node:fs";
    const engine = createLibzmqEngine({
      maxFrameBytes: 1_000, heartbeatMs: ${HEARTBEAT_MS}, heartbeatTimeoutMs: 3_000, handshakeMs: 3_000, silentMs: 60_000,
    });
    let frames = 0;
    const listener = await engine.listen("tcp://127.0.0.1:0", () => ({
      onOpen() {},
      onWritable() {},
      onEnd() {},
      onFrame() {
        frames++;
        if (frames === 1) {
          // Libzmq's own thread goes on, and its heartbeats are due many times over.
          const until = performance.now() + ${10 * HEARTBEAT_MS};
          while (performance.now() < until);
        }
        if (frames === ${FRAMES}) void engine.close().then(() => writeSync(1, "all\\n"));
      },
    }));
    writeSync(1, listener.address + "\\n");
  `);
  const peer = new Dealer({ linger: 5_000 });
  peer.connect(await child.line());
  for (let sent = 0; sent < FRAMES; sent++) await peer.send("x");
  peer.close();
  expect(await child.line()).toBe("all");
  expect(await child.ended).toEqual({ code: 0, signal: null, stderr: "" });
});
