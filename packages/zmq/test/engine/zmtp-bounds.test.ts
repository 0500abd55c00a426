import type { Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { ConnectionBounds } from "../../src/engine/zmtp-listener.js";
import { EngineWorld } from "../support/engine-world.js";
import { LinkRecorder } from "../support/link-recorder.js";
import { until } from "../support/until.js";
import { commandBytes, DEALER_PREFACE, frameBytes, greetingBytes } from "../support/zmtp-bytes.js";

let world: EngineWorld;

afterEach(() => world.close());

async function bounded(bounds: Partial<ConnectionBounds>): Promise<void> {
  world = await EngineWorld.open({ bounds, handshakeMs: 60_000 });
}

const isGone = (socket: Socket): boolean => socket.destroyed;

test("those that have not greeted do not keep others out: the one that has been silent for longest gives way", async () => {
  await bounded({ handshakes: 10 });
  const mute: Socket[] = [];
  for (let made = 0; made < 30; made++) {
    const socket = world.raw();
    socket.write(greetingBytes().subarray(0, made % 64));
    mute.push(socket);
    // In this order, whatever the system does.
    await until(() => socket.bytesRead > 0, "it was accepted");
  }
  await until(() => mute.slice(0, 20).every(isGone), "the first have given way");
  expect(mute.slice(20).some(isGone)).toBe(false);
  const newcomer = new LinkRecorder();
  world.dial(newcomer);
  await newcomer.untilOpen();
  await until(() => isGone(mute[20] as Socket), "one more has");
  expect(mute.slice(21).some(isGone)).toBe(false);
  await world.serves();
  await world.closeServer();
  expect(world.dropped.get("a connection beyond 10 that have not greeted yet")).toBe(21);
});

test("who has greeted is none of them, and does not give way", async () => {
  await bounded({ handshakes: 3 });
  const greeted = Array.from({ length: 10 }, () => {
    const socket = world.raw();
    socket.write(Buffer.concat([DEALER_PREFACE, frameBytes("hello")]));
    return socket;
  });
  await until(() => greeted.every(({ bytesRead }) => bytesRead >= 64), "all were greeted");
  const mute = Array.from({ length: 20 }, () => world.raw());
  await until(() => mute.filter(isGone).length === 17, "three are left");
  expect(greeted.some(isGone)).toBe(false);
  await world.serves();
});

test("one that sends commands without end is ended, and one that asks as fast as libzmq can is not", async () => {
  world = await EngineWorld.open();
  const eager = world.raw();
  // libzmq's shortest interval is a millisecond; a second of them at once, as after a hang.
  eager.write(
    Buffer.concat([DEALER_PREFACE, ...Array.from({ length: 1_000 }, () => commandBytes("PING", Buffer.alloc(2)))]),
  );
  const deaf = world.raw();
  deaf.pause();
  deaf.write(Buffer.concat([DEALER_PREFACE, frameBytes("hello")]));
  const pings = Buffer.concat(Array.from({ length: 1_000 }, () => commandBytes("PING", Buffer.alloc(18))));
  const flood = (): void => {
    while (deaf.writable && deaf.write(pings));
  };
  deaf.on("drain", flood);
  flood();
  // It reads nothing, so that it is a failed writing that tells it.
  await until(() => isGone(deaf), "it was ended", 15_000);
  await world.serves();
  expect(isGone(eager)).toBe(false);
  await world.closeServer();
  expect(world.dropped.get("a connection that breaks the rules of ZMTP (command)")).toBe(1);
});
