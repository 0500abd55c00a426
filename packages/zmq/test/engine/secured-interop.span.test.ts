/** PLAIN and CURVE in TypeScript beside the sockets of libzmq themselves. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Context, Dealer, Reply, Router } from "zeromq";
import { curveClient } from "../../src/zmtp/mechanisms/curve-client.js";
import { curveServer } from "../../src/zmtp/mechanisms/curve-server.js";
import { plainClient, plainServer } from "../../src/zmtp/mechanisms/plain-mechanism.js";
import { CLIENT, SERVER, STRANGER, textsOf } from "../support/curve-keys.js";
import { SODIUM } from "../support/secured-engines.js";
import { until } from "../support/until.js";
import { piecemeal, ZmtpPeer, zmtpServer } from "../support/zmtp-peer.js";

const MIB = 1024 * 1024;
const SIZES = [0, 1, 221, 222, 223, 65_536, MIB, 10 * MIB];
const LIBRARIES = ["sodium-native", "libsodium-wrappers"] as const;
const KEY_DENIED = "it does not take the key of this side";

let closers: (() => unknown)[] = [];
let directory = "";

beforeEach(() => {
  closers = [];
  directory = mkdtempSync(join(tmpdir(), "trunkline-interop-"));
});

afterEach(() => {
  for (const close of closers) close();
  rmSync(directory, { recursive: true, force: true });
});

function kept<Closable extends { close(): unknown }>(socket: Closable): Closable {
  closers.push(() => socket.close());
  return socket;
}

function keptPeer(peer: ZmtpPeer): ZmtpPeer {
  closers.push(() => peer.socket.destroy());
  return peer;
}

function keptServer<Made extends { readonly server: Server; readonly peers?: readonly ZmtpPeer[] }>(made: Made): Made {
  closers.push(() => {
    made.server.close();
    for (const peer of made.peers ?? []) peer.socket.destroy();
  });
  return made;
}

const portOf = (endpoint: string | null): number => Number(endpoint?.slice(endpoint.lastIndexOf(":") + 1));
const portOfServer = (server: Server): number => {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
};

/** A context of libzmq that asks `isAllowed` whom to let in, with the credentials that ZAP (RFC 27) tells. */
function asking(isAllowed: (credentials: readonly Buffer[]) => boolean): Context {
  const context = new Context({ blocky: false });
  const zap = kept(new Reply({ context, linger: 0 }));
  zap.bindSync("inproc://zeromq.zap.01");
  void (async () => {
    for await (const [version = "", id = "", , , , , ...credentials] of zap) {
      await zap.send([version, id, isAllowed(credentials) ? "200" : "400", "", "", ""]);
    }
  })().catch(() => {});
  return context;
}

const clientTexts = textsOf(CLIENT);
const serverTexts = textsOf(SERVER);
const ZAP = { zapDomain: "test", zapEnforceDomain: true };

function curveRouter(): Router {
  const context = asking(([key]) => key?.equals(CLIENT.publicKey) === true);
  return kept(
    new Router({
      context,
      linger: 0,
      maxMessageSize: 64 * MIB,
      curveServer: true,
      curveSecretKey: serverTexts.secretKey,
      ...ZAP,
    }),
  );
}

function curveDealer(own = clientTexts, options: { readonly heartbeatInterval?: number } = {}): Dealer {
  return kept(
    new Dealer({
      linger: 0,
      curvePublicKey: own.publicKey,
      curveSecretKey: own.secretKey,
      curveServerKey: serverTexts.publicKey,
      reconnectInterval: 60_000,
      ...options,
    }),
  );
}

async function bound(router: Router, transport: string): Promise<{ port: number; host: string } | { path: string }> {
  if (transport === "ipc") {
    const path = join(directory, "r.sock");
    await router.bind(`ipc://${path}`);
    return { path };
  }
  await router.bind("tcp://127.0.0.1:*");
  return { port: portOf(router.lastEndpoint), host: "127.0.0.1" };
}

async function ours(transport: string, options: Parameters<typeof zmtpServer>[1]) {
  const where = transport === "ipc" ? { path: join(directory, "s.sock") } : { port: 0, host: "127.0.0.1" };
  const { server, peers } = keptServer(await zmtpServer(where, options));
  return { peers, address: "path" in where ? `ipc://${where.path}` : `tcp://127.0.0.1:${portOfServer(server)}` };
}

describe.each(LIBRARIES)("CURVE over %s", (library) => {
  const sodium = SODIUM[library];
  const client = (own = CLIENT, serverKey = SERVER.publicKey) => curveClient(sodium, { own, serverKey });
  const server = () => curveServer(sodium, { own: SERVER, isAllowed: (key) => key.equals(CLIENT.publicKey) });

  describe.each(["tcp", "ipc"])("over %s", (transport) => {
    test.each([0, 1] as const)("messages of every size go to a ROUTER of libzmq and back, at 3.%i", async (minor) => {
      const router = curveRouter();
      const to = await bound(router, transport);
      const peer = keptPeer(
        await ZmtpPeer.dial(to, { socketType: "DEALER", minor, identity: Buffer.from("d1"), mechanism: client() }),
      );
      await peer.untilReady();
      expect(peer.info?.socketType).toBe("ROUTER");
      for (const [index, size] of SIZES.entries()) {
        const frames = [randomBytes(size), Buffer.alloc(0), randomBytes(300)];
        peer.send(...frames);
        const [id, ...received] = await router.receive();
        expect(id?.toString()).toBe("d1");
        expect(Buffer.concat(received).equals(Buffer.concat(frames))).toBe(true);
        await router.send([id ?? "", ...received]);
        await until(() => peer.messages.length > index, "it came back", 15_000);
        expect(peer.messages[index]?.map(({ length }) => length)).toEqual([size, 0, 300]);
        expect(Buffer.concat(peer.messages[index] ?? []).equals(Buffer.concat(frames))).toBe(true);
      }
    });

    test("messages of every size of libzmq's DEALER go to a ROUTER and back", async () => {
      const { peers, address } = await ours(transport, { socketType: "ROUTER", mechanism: server() });
      const dealer = curveDealer();
      dealer.connect(address);
      for (const [index, size] of SIZES.entries()) {
        const frames = [randomBytes(size), Buffer.alloc(0), randomBytes(300)];
        await dealer.send(frames);
        await until(() => (peers[0]?.messages.length ?? 0) > index, "it came", 15_000);
        const received = peers[0]?.messages[index] ?? [];
        expect(Buffer.concat(received).equals(Buffer.concat(frames))).toBe(true);
        peers[0]?.send(...received);
        const back = await dealer.receive();
        expect(back.map(({ length }) => length)).toEqual([size, 0, 300]);
        expect(Buffer.concat(back).equals(Buffer.concat(frames))).toBe(true);
      }
      expect(peers).toHaveLength(1);
    });
  });

  test("a key that libzmq does not let in is denied", async () => {
    const to = await bound(curveRouter(), "tcp");
    const peer = keptPeer(await ZmtpPeer.dial(to, { socketType: "DEALER", mechanism: client(STRANGER) }));
    await until(() => peer.isClosed, "it was closed");
    expect(peer.error).toMatchObject({ code: "denied", message: expect.stringContaining(KEY_DENIED) });
    expect(peer.info).toBeUndefined();
  });

  test("libzmq ends it without a word where its key is not the trusted one", async () => {
    const to = await bound(curveRouter(), "tcp");
    const peer = keptPeer(
      await ZmtpPeer.dial(to, { socketType: "DEALER", mechanism: client(CLIENT, STRANGER.publicKey) }),
    );
    await until(() => peer.isClosed, "it was closed");
    expect(peer.info).toBeUndefined();
    expect(peer.session.isBeingJudged).toBe(true);
  });

  test("libzmq hears that its key is not let in", async () => {
    const { peers, address } = await ours("tcp", { socketType: "ROUTER", mechanism: server() });
    const dealer = curveDealer(textsOf(STRANGER));
    const heard: string[] = [];
    dealer.events.on("handshake:error:auth", ({ type }) => heard.push(type));
    dealer.connect(address);
    await until(() => heard.length > 0, "it was told");
    expect(peers[0]?.error).toMatchObject({ code: "denied" });
    expect(peers[0]?.info).toBeUndefined();
  });

  test("heartbeats go in boxes: libzmq keeps an idle connection, and its pings are heard", async () => {
    const { peers, address } = await ours("tcp", { socketType: "ROUTER", mechanism: server() });
    const options = { heartbeatInterval: 50, heartbeatTimeout: 150, heartbeatTimeToLive: 500 };
    curveDealer(clientTexts, options).connect(address);
    await until(() => (peers[0]?.ttls.length ?? 0) >= 8, "it pinged eight times");
    expect(peers[0]?.isClosed).toBe(false);
    expect(new Set(peers[0]?.ttls)).toEqual(new Set([500]));
    peers[0]?.socket.removeAllListeners("data");
    peers[0]?.socket.resume();
    await until(() => peers[0]?.isClosed === true, "it gave it up");
  });

  test("libzmq answers pings in boxes with pongs in boxes, between messages", async () => {
    const router = curveRouter();
    const to = await bound(router, "tcp");
    const peer = keptPeer(await ZmtpPeer.dial(to, { socketType: "DEALER", mechanism: client() }));
    await peer.untilReady();
    let chunks = 0;
    peer.socket.on("data", () => chunks++);
    for (let turn = 1; turn <= 5; turn++) {
      const before = chunks;
      peer.session.ping(1_000);
      await until(() => chunks > before, "it answered");
    }
    peer.send(Buffer.from("after"));
    expect((await router.receive())[1]?.toString()).toBe("after");
    expect(peer.error).toBeUndefined();
  });

  test("bytes that come in pieces change nothing", async () => {
    const router = curveRouter();
    const to = await bound(router, "tcp");
    const proxy = keptServer(await piecemeal("port" in to ? to.port : 0, [1, 2, 3, 5, 8, 13, 64]));
    const where = { port: proxy.port, host: "127.0.0.1" };
    const peer = keptPeer(await ZmtpPeer.dial(where, { socketType: "DEALER", mechanism: client() }));
    await peer.untilReady();
    const bodies = Array.from({ length: 10 }, (_, index) => randomBytes(index * 50));
    for (const body of bodies) peer.send(body);
    for (const body of bodies) {
      const [id, received] = await router.receive();
      expect(received?.equals(body)).toBe(true);
      await router.send([id ?? "", body]);
    }
    await until(() => peer.messages.length === bodies.length, "all came back");
    expect(peer.messages.map(([first]) => first)).toEqual(bodies);
  });
});

describe.each(["tcp", "ipc"])("PLAIN over %s", (transport) => {
  const client = (password = "s3cret") => plainClient({ user: Buffer.from("ann"), password: Buffer.from(password) });
  const isAnn = (user?: Buffer, password?: Buffer): boolean =>
    user?.toString() === "ann" && password?.toString() === "s3cret";
  const plainRouter = (): Router =>
    kept(
      new Router({
        context: asking(([user, password]) => isAnn(user, password)),
        linger: 0,
        plainServer: true,
        ...ZAP,
      }),
    );

  test("a DEALER talks to a ROUTER of libzmq", async () => {
    const router = plainRouter();
    const to = await bound(router, transport);
    const peer = keptPeer(await ZmtpPeer.dial(to, { socketType: "DEALER", mechanism: client() }));
    await peer.untilReady();
    peer.send(Buffer.from("hi"));
    const [id, body] = await router.receive();
    await router.send([id ?? "", body ?? ""]);
    await until(() => peer.messages.length > 0, "it came back");
    expect(peer.messages).toEqual([[Buffer.from("hi")]]);
  });

  test("a wrong password is denied by libzmq, in words of its own", async () => {
    const to = await bound(plainRouter(), transport);
    const peer = keptPeer(await ZmtpPeer.dial(to, { socketType: "DEALER", mechanism: client("wrong") }));
    await until(() => peer.isClosed, "it was closed");
    expect(peer.error).toMatchObject({
      code: "denied",
      message: "it does not take the user or the password of this side: 400",
    });
  });

  test.each([
    ["s3cret", true],
    ["wrong", false],
  ])("libzmq's DEALER with the password %s is let in: %s", async (plainPassword, isLetIn) => {
    const mechanism = plainServer(isAnn);
    const { peers, address } = await ours(transport, { socketType: "ROUTER", mechanism });
    const dealer = kept(new Dealer({ linger: 0, plainUsername: "ann", plainPassword, reconnectInterval: 60_000 }));
    dealer.connect(address);
    await dealer.send("hi");
    await until(() => (peers[0]?.messages.length ?? 0) > 0 || peers[0]?.isClosed === true, "it was let in or not");
    expect(peers[0]?.messages.length).toBe(isLetIn ? 1 : 0);
    if (!isLetIn) expect(peers[0]?.error).toMatchObject({ code: "denied" });
  });
});
