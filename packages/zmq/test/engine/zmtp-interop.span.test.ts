/** The session in TypeScript beside libzmq: whole messages, identities, versions. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Dealer, Request, Router } from "zeromq";
import { until } from "../support/until.js";
import { piecemeal, ZmtpPeer, zmtpServer } from "../support/zmtp-peer.js";

const MIB = 1024 * 1024;
const SIZES = [0, 1, 254, 255, 256, 65_535, 65_536, MIB, 10 * MIB];

let sockets: { close(): unknown }[] = [];
let directory = "";

beforeEach(() => {
  sockets = [];
  directory = mkdtempSync(join(tmpdir(), "trunkline-interop-"));
});

afterEach(() => {
  for (const socket of sockets) socket.close();
  rmSync(directory, { recursive: true, force: true });
});

function kept<Closable extends { close(): unknown }>(socket: Closable): Closable {
  sockets.push(socket);
  return socket;
}

function keptPeer(peer: ZmtpPeer): ZmtpPeer {
  sockets.push({ close: () => peer.socket.destroy() });
  return peer;
}

function keptServer<Made extends { readonly server: Server; readonly peers?: readonly ZmtpPeer[] }>(made: Made): Made {
  sockets.push({
    close: () => {
      made.server.close();
      for (const peer of made.peers ?? []) peer.socket.destroy();
    },
  });
  return made;
}

const portOf = (endpoint: string | null): number => Number(endpoint?.slice(endpoint.lastIndexOf(":") + 1));
const portOfServer = (server: Server): number => {
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
};

async function libzmqRouter(
  transport: string,
): Promise<{ router: Router; to: { port: number; host: string } | { path: string } }> {
  const router = kept(new Router({ linger: 0, maxMessageSize: 64 * MIB }));
  if (transport === "ipc") {
    const path = join(directory, "r.sock");
    await router.bind(`ipc://${path}`);
    return { router, to: { path } };
  }
  await router.bind("tcp://127.0.0.1:*");
  return { router, to: { port: portOf(router.lastEndpoint), host: "127.0.0.1" } };
}

describe.each(["tcp", "ipc"])("over %s", (transport) => {
  describe.each([0, 1] as const)("offering 3.%i", (minor) => {
    test.each(SIZES)("a DEALER's message of %i bytes goes to a ROUTER of libzmq and back", async (size) => {
      const { router, to } = await libzmqRouter(transport);
      const peer = keptPeer(await ZmtpPeer.dial(to, { socketType: "DEALER", minor, identity: Buffer.from("d1") }));
      await peer.untilReady();
      expect(peer.info?.socketType).toBe("ROUTER");
      const body = randomBytes(size);
      peer.send(body);
      const [id, received] = await router.receive();
      expect(id?.toString()).toBe("d1");
      expect(received?.equals(body)).toBe(true);
      await router.send([id ?? "", received ?? ""]);
      await until(() => peer.messages.length > 0, "it came back");
      expect(peer.messages).toHaveLength(1);
      expect(peer.messages[0]).toHaveLength(1);
      expect(peer.messages[0]?.[0]?.equals(body)).toBe(true);
    });

    test.each(SIZES)("a message of %i bytes of libzmq's DEALER goes to a ROUTER and back", async (size) => {
      const where = transport === "ipc" ? { path: join(directory, "s.sock") } : { port: 0, host: "127.0.0.1" };
      const { server, peers } = keptServer(await zmtpServer(where, { socketType: "ROUTER", minor }));
      const dealer = kept(new Dealer({ linger: 0, routingId: "z1" }));
      dealer.connect("path" in where ? `ipc://${where.path}` : `tcp://127.0.0.1:${portOfServer(server)}`);
      const body = randomBytes(size);
      await dealer.send(body);
      await until(() => (peers[0]?.messages.length ?? 0) > 0, "it came");
      expect(peers[0]?.info).toMatchObject({ socketType: "DEALER", identity: Buffer.from("z1") });
      const [received] = peers[0]?.messages[0] ?? [];
      expect(received?.equals(body)).toBe(true);
      peers[0]?.send(received ?? Buffer.alloc(0));
      const [back, ...more] = await dealer.receive();
      expect(back?.equals(body)).toBe(true);
      expect(more).toEqual([]);
    });
  });

  test("messages of several frames go both ways, empty frames among them", async () => {
    const frames = [Buffer.from("a"), Buffer.alloc(0), randomBytes(300), randomBytes(70_000), Buffer.alloc(0)];
    const { router, to } = await libzmqRouter(transport);
    const peer = keptPeer(await ZmtpPeer.dial(to, { socketType: "DEALER" }));
    await peer.untilReady();
    peer.send(...frames);
    const [id, ...received] = await router.receive();
    expect(received).toEqual(frames);
    await router.send([id ?? "", ...received]);
    await until(() => peer.messages.length > 0, "it came back");
    expect(peer.messages).toEqual([frames]);
  });
});

test("a REQ of libzmq is understood by a ROUTER", async () => {
  const { server, peers } = keptServer(await zmtpServer({ port: 0, host: "127.0.0.1" }, { socketType: "ROUTER" }));
  const request = kept(new Request({ linger: 0 }));
  request.connect(`tcp://127.0.0.1:${portOfServer(server)}`);
  await request.send("question");
  await until(() => (peers[0]?.messages.length ?? 0) > 0, "it came");
  expect(peers[0]?.messages[0]?.map(String)).toEqual(["", "question"]);
  peers[0]?.send(Buffer.alloc(0), Buffer.from("answer"));
  expect((await request.receive()).map(String)).toEqual(["answer"]);
});

test("an identity of 255 bytes, and one that libzmq chooses where there is none", async () => {
  const { router, to } = await libzmqRouter("tcp");
  const long = keptPeer(await ZmtpPeer.dial(to, { socketType: "DEALER", identity: Buffer.alloc(255, "i") }));
  await long.untilReady();
  long.send(Buffer.from("1"));
  expect((await router.receive())[0]).toEqual(Buffer.alloc(255, "i"));
  const nameless = keptPeer(await ZmtpPeer.dial(to, { socketType: "DEALER" }));
  await nameless.untilReady();
  nameless.send(Buffer.from("2"));
  expect((await router.receive())[0]?.[0]).toBe(0);
});

test.each([[[1]], [[1, 2, 3, 5, 8, 13, 64]]])(
  "bytes that come in pieces of %j change nothing, either way",
  async (sizes) => {
    const { router, to } = await libzmqRouter("tcp");
    const proxy = keptServer(await piecemeal("port" in to ? to.port : 0, sizes));
    const peer = keptPeer(await ZmtpPeer.dial({ port: proxy.port, host: "127.0.0.1" }, { socketType: "DEALER" }));
    await peer.untilReady();
    const bodies = Array.from({ length: 20 }, (_, index) => randomBytes(index * 20));
    for (const body of bodies) peer.send(body, Buffer.from("end"));
    for (const body of bodies) {
      const [id, ...frames] = await router.receive();
      expect(frames).toEqual([body, Buffer.from("end")]);
      await router.send([id ?? "", ...frames]);
    }
    await until(() => peer.messages.length === bodies.length, "all came back");
    expect(peer.messages.map(([first]) => first)).toEqual(bodies);
  },
);

test("libzmq's pings are answered: it keeps an idle connection, and gives one up that does not answer", async () => {
  const { server, peers } = keptServer(await zmtpServer({ port: 0, host: "127.0.0.1" }, { socketType: "ROUTER" }));
  const dealer = kept(
    new Dealer({
      linger: 0,
      heartbeatInterval: 50,
      heartbeatTimeout: 150,
      heartbeatTimeToLive: 500,
      reconnectInterval: 60_000,
    }),
  );
  dealer.connect(`tcp://127.0.0.1:${portOfServer(server)}`);
  await until(() => (peers[0]?.ttls.length ?? 0) >= 8, "it pinged eight times");
  expect(peers[0]?.isClosed).toBe(false);
  expect(new Set(peers[0]?.ttls)).toEqual(new Set([500]));
  peers[0]?.socket.removeAllListeners("data");
  peers[0]?.socket.resume();
  await until(() => peers[0]?.isClosed === true, "it gave it up");
});
