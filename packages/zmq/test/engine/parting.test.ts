import { expect, onTestFinished, test } from "vitest";
import { Router } from "zeromq";
import { createLibzmqEngine } from "../../src/engine/libzmq-engine.js";
import { bytes, LinkRecorder } from "../support/link-recorder.js";
import { ENGINE_OPTIONS } from "./engine-suite.js";

test("what comes as the time of a parting link is over ends nothing but that link", async () => {
  const router = new Router({ linger: 0 });
  const engine = createLibzmqEngine(ENGINE_OPTIONS);
  const rejected: unknown[] = [];
  const keep = (reason: unknown): void => void rejected.push(reason);
  process.on("unhandledRejection", keep);
  onTestFinished(async () => {
    process.off("unhandledRejection", keep);
    await engine.close();
    router.close();
  });
  await router.bind("tcp://127.0.0.1:*");
  const link = new LinkRecorder();
  link.link = engine.dial(router.lastEndpoint ?? "", link);
  await link.untilOpen();
  link.link.send(bytes("hello"));
  const [id = Buffer.alloc(0)] = await router.receive();
  link.link.close(20);
  await link.untilEnd();
  // It is never told that the other side has read all, and more is there when the timer closes the socket.
  for (let index = 0; index < 10; index++) await router.send([id, "late"]);
  const until = performance.now() + 100;
  while (performance.now() < until);
  // Timers that are due run between one check phase and the next.
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(rejected).toEqual([]);
});
