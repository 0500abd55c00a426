/** The engine in TypeScript beside libzmq by hand: whoever speaks ZeroMQ can be a peer. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Dealer, Pair, Publisher, Pull, Push, Reply, Router, type Socket, Subscriber } from "zeromq";
import type { Engine } from "../../src/engine/engine.js";
import { createZmtpEngine, type ZmtpEngineOptions } from "../../src/engine/zmtp-engine.js";
import { bytes, LinkRecorder } from "../support/link-recorder.js";
import { runChild } from "../support/run-child.js";
import { until } from "../support/until.js";
import { piecemeal } from "../support/zmtp-peer.js";
import { ENGINE_OPTIONS } from "./engine-suite.js";

const MIB = 1024 * 1024;
const SIZES = [1, 255, 256, 65_536, MIB, 10 * MIB];

let closing: { close(): unknown }[] = [];
let directory = "";
let dropped: string[] = [];

beforeEach(() => {
  closing = [];
  dropped = [];
  directory = mkdtempSync(join(tmpdir(), "trunkline-interop-"));
});

afterEach(async () => {
  await Promise.all(closing.map((one) => one.close()));
  rmSync(directory, { recursive: true, force: true });
});

function kept<Closable extends { close(): unknown }>(one: Closable): Closable {
  closing.push(one);
  return one;
}

function engineWith(options: Partial<ZmtpEngineOptions> = {}): Engine {
  const onDropped = (reason: string, _peer: string, count: number): void =>
    void dropped.push(...Array.from({ length: count }, () => reason));
  return kept(createZmtpEngine({ ...ENGINE_OPTIONS, onDropped, ...options }));
}

async function listening(
  address: string,
  options: Partial<ZmtpEngineOptions> & { readonly echo?: boolean } = {},
): Promise<{ readonly address: string; readonly accepted: LinkRecorder[]; readonly engine: Engine }> {
  const accepted: LinkRecorder[] = [];
  const engine = engineWith(options);
  const listener = await engine.listen(address, (link) => {
    const recorder = new LinkRecorder();
    recorder.link = link;
    if (options.echo === true) recorder.onEachFrame = (frame) => expect(link.send(frame)).toBe(true);
    accepted.push(recorder);
    return recorder;
  });
  return { address: listener.address, accepted, engine };
}

/** A link to `address`, once it is open. */
async function dialled(address: string, options: Partial<ZmtpEngineOptions> = {}): Promise<LinkRecorder> {
  const recorder = new LinkRecorder();
  recorder.link = engineWith(options).dial(address, recorder);
  await recorder.untilOpen();
  return recorder;
}

function dealer(address: string, options: ConstructorParameters<typeof Dealer>[0] = {}): Dealer {
  const socket = kept(new Dealer({ linger: 0, ...options }));
  socket.connect(address);
  return socket;
}

async function bound<Bindable extends Socket & { bind(address: string): Promise<void> }>(
  socket: Bindable,
  address = "tcp://127.0.0.1:*",
): Promise<string> {
  kept(socket);
  await socket.bind(address);
  return socket.lastEndpoint ?? address;
}

/** Sends back all that comes. */
async function echoing(router: Router): Promise<void> {
  for await (const [id = "", frame = ""] of router) await router.send([id, frame]);
}

const portOf = (address: string): number => Number(address.slice(address.lastIndexOf(":") + 1));

async function pieces(target: string): Promise<string> {
  const { server, port }: { server: Server; port: number } = await piecemeal(portOf(target), [1, 2, 3]);
  kept({ close: () => server.close() });
  return `tcp://127.0.0.1:${port}`;
}

describe.each(["tcp", "ipc"])("over %s", (transport) => {
  const somewhere = (port: string): string =>
    transport === "tcp" ? `tcp://127.0.0.1:${port}` : `ipc://${join(directory, "s.sock")}`;

  test("frames of 1 byte to 10 MiB go to a ROUTER of libzmq and back", async () => {
    const router = new Router({ linger: 0 });
    const link = await dialled(await bound(router, somewhere("*")));
    void echoing(router).catch(() => {});
    const frames = SIZES.map((size) => randomBytes(size));
    for (const [index, frame] of frames.entries()) {
      expect(link.link?.send(frame)).toBe(true);
      await link.untilFrames(index + 1, 20_000);
    }
    expect(link.frames.every((frame, index) => Buffer.from(frame).equals(frames[index] ?? Buffer.alloc(0)))).toBe(true);
    expect(link.ends).toEqual([]);
  });

  test("frames of 1 byte to 10 MiB come from a DEALER of libzmq and go back", async () => {
    const { address, accepted } = await listening(somewhere("0"), { echo: true });
    const socket = dealer(address, { routingId: "chosen" });
    for (const size of SIZES) {
      const frame = randomBytes(size);
      await socket.send(frame);
      const [back, ...more] = await socket.receive();
      expect(back?.equals(frame)).toBe(true);
      expect(more).toEqual([]);
    }
    expect(accepted).toHaveLength(1);
  });
});

test("two DEALERs of libzmq that say they are the same are two links", async () => {
  const { address, accepted } = await listening("tcp://127.0.0.1:0", { echo: true });
  for (const word of ["one", "two"]) {
    const socket = dealer(address, { routingId: "twin" });
    await socket.send(word);
    expect(String(await socket.receive())).toBe(word);
  }
  expect(accepted.map((recorder) => recorder.texts)).toEqual([["one"], ["two"]]);
});

test("bytes that come one, two and three at a time change nothing, either way", async () => {
  const router = new Router({ linger: 0 });
  const link = await dialled(await pieces(await bound(router)));
  void echoing(router).catch(() => {});
  const { address } = await listening("tcp://127.0.0.1:0", { echo: true });
  const socket = dealer(await pieces(address));
  for (let size = 1; size < 800; size += 37) {
    const frame = randomBytes(size);
    link.link?.send(frame);
    await socket.send(frame);
    expect((await socket.receive())[0]?.equals(frame)).toBe(true);
  }
  await link.untilFrames(22);
});

test.each([
  ["PUSH", () => new Push({ linger: 0 })],
  ["PULL", () => new Pull({ linger: 0 })],
  ["PUB", () => new Publisher({ linger: 0 })],
  ["SUB", () => new Subscriber({ linger: 0 })],
  ["PAIR", () => new Pair({ linger: 0 })],
  ["REP", () => new Reply({ linger: 0 })],
])("a %s of libzmq is no peer, whoever dials", async (type, create) => {
  const { address, accepted } = await listening("tcp://127.0.0.1:0", { echo: true });
  const wrong = kept(create() as Socket);
  wrong.connect(address);
  await until(() => dropped.includes("a connection that does not speak our language"), "it was refused");
  const right = dealer(address);
  await right.send("right");
  expect(String(await right.receive())).toBe("right");
  expect(accepted.map((recorder) => recorder.texts)).toEqual([["right"]]);
  // A DEALER may talk to a REP; that it is none of this protocol shows with its first answer.
  if (type === "REP") return;
  const recorder = new LinkRecorder();
  engineWith().dial(await bound(create() as Push), recorder);
  expect(await recorder.untilEnd()).toMatchObject({ reason: "handshake" });
  expect(recorder.opened).toBe(0);
});

test.each([
  ["PLAIN", { plainUsername: "u", plainPassword: "p" }],
  [
    "CURVE",
    {
      curvePublicKey: "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID",
      curveSecretKey: "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs",
      curveServerKey: "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7",
    },
  ],
])("a DEALER of libzmq with %s is refused", async (_mechanism, options) => {
  const { address, accepted } = await listening("tcp://127.0.0.1:0");
  const socket = dealer(address, options);
  const sent = socket.send("secret").catch(() => {});
  await until(() => dropped.includes("a connection that does not speak our language"), "it was refused");
  expect(accepted).toEqual([]);
  socket.close();
  await sent;
});

test("heartbeats of both sides keep an idle link, and one that does not answer is lost", async () => {
  const often = { heartbeatMs: 50, heartbeatTimeoutMs: 300 };
  const libzmqs = { heartbeatInterval: 50, heartbeatTimeout: 300, heartbeatTimeToLive: 300 };
  const { address, accepted } = await listening("tcp://127.0.0.1:0", often);
  await dealer(address, libzmqs).send("hello");
  // And one that sends no probes itself.
  await dealer(address).send("hello");
  const router = new Router({ linger: 0, ...libzmqs });
  const link = await dialled(await bound(router), often);
  await until(() => accepted.length === 2, "both were accepted");
  const began = performance.now();
  await until(() => performance.now() - began > 1_500, "many heartbeats are over");
  expect([...accepted, link].flatMap(({ ends }) => ends)).toEqual([]);

  const child = runChild(`
    import { Router } from ${JSON.stringify(import.meta.resolve("zeromq"))};
    const router = new Router();
    await router.bind("tcp://127.0.0.1:*");
    console.log(router.lastEndpoint);
    await router.receive();
  `);
  const frozen = await dialled(await child.line(), often);
  child.kill("SIGSTOP");
  expect((await frozen.untilEnd(3_000)).reason).toBe("lost");
  child.kill("SIGKILL");
  await child.ended;
});

test("a killed process of libzmq's is known at once, whoever dialled", async () => {
  const { address, accepted } = await listening("tcp://127.0.0.1:0");
  const child = runChild(`
    import { Dealer, Router } from ${JSON.stringify(import.meta.resolve("zeromq"))};
    const router = new Router();
    await router.bind("tcp://127.0.0.1:*");
    const dealer = new Dealer();
    dealer.connect(${JSON.stringify(address)});
    await dealer.send("hello");
    console.log(router.lastEndpoint);
    await router.receive();
  `);
  const link = await dialled(await child.line());
  await until(() => accepted.length === 1, "it was accepted");
  child.kill("SIGKILL");
  expect((await link.untilEnd(2_000)).reason).toBe("lost");
  expect((await accepted[0]?.untilEnd(2_000))?.reason).toBe("lost");
  await child.ended;
});

test("a DEALER of libzmq comes back to a listener that was restarted on its address", async () => {
  const first = await listening("tcp://127.0.0.1:0", { echo: true });
  const socket = dealer(first.address, { reconnectInterval: 20 });
  await socket.send("one");
  expect(String(await socket.receive())).toBe("one");
  await first.engine.close();
  const second = await listening(first.address, { echo: true });
  let isSending = false;
  await until(() => {
    // What libzmq sends before it knows of the restart is lost; one at a time.
    if (second.accepted.length === 0 && !isSending) {
      isSending = true;
      const sent = (): void => {
        isSending = false;
      };
      socket.send("two").then(sent, sent);
    }
    return second.accepted.length > 0;
  }, "it came back");
  expect(String(await socket.receive())).toBe("two");
});

test("a ROUTER of libzmq that was restarted on its address is another peer, to be dialled anew", async () => {
  const before = new Router({ linger: 0 });
  const address = await bound(before);
  const link = await dialled(address);
  before.close();
  expect((await link.untilEnd()).reason).toBe("lost");
  expect(link.link?.send(bytes("too late"))).toBe(true);
  const after = kept(new Router({ linger: 0 }));
  await after.bind(address);
  (await dialled(address)).link?.send(bytes("anew"));
  expect(String((await after.receive())[1])).toBe("anew");
});

test("a ROUTER of libzmq that does not read is sent no more than both sides' bounds, and loses nothing", async () => {
  const router = new Router({ linger: 0, receiveHighWaterMark: 8 });
  const link = await dialled(await bound(router));
  let next = 0;
  const numbered = (): Uint8Array => {
    const frame = Buffer.alloc(64 * 1024);
    frame.writeUInt32BE(next);
    return frame;
  };
  const sendMore = (): void => {
    while (next < 2_000 && link.link?.send(numbered()) === true) next++;
  };
  link.onWritable = sendMore;
  sendMore();
  const began = performance.now();
  await until(() => performance.now() - began > 300, "what fits has gone");
  expect(next).toBeLessThan(1_000);
  for (let index = 0; index < 2_000; index++) {
    const [, frame] = await router.receive();
    if (frame?.readUInt32BE(0) !== index) expect(frame?.readUInt32BE(0)).toBe(index);
  }
  expect(link.ends).toEqual([]);
});
