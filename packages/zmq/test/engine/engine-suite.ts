// Over 300 lines: what every engine promises, in one list that each engine runs whole.
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ListenError } from "@trunkline/core/driver";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Engine, EngineLink, EngineListener, EngineOptions } from "../../src/engine/engine.js";
import { bytes, LinkRecorder } from "../support/link-recorder.js";
import { until } from "../support/until.js";

export const ENGINE_OPTIONS: EngineOptions = {
  maxFrameBytes: 16 * 1024 * 1024,
  heartbeatMs: 1_000,
  heartbeatTimeoutMs: 3_000,
  handshakeMs: 2_000,
  silentMs: 60_000,
};

/** Runs what an engine promises through the Engine interface alone. */
export function engineSuite(name: string, createEngine: (options: EngineOptions) => Engine): void {
  describe(`engine ${name}`, () => {
    let engines: Engine[] = [];
    let sockets: (Socket | Server)[] = [];
    let directory = "";

    const engineWith = (options: Partial<EngineOptions> = {}): Engine => {
      const engine = createEngine({ ...ENGINE_OPTIONS, ...options });
      engines.push(engine);
      return engine;
    };

    beforeEach(() => {
      engines = [];
      sockets = [];
      directory = mkdtempSync(join(tmpdir(), "trunkline-engine-"));
    });

    afterEach(async () => {
      await Promise.all(engines.map((engine) => engine.close()));
      for (const socket of sockets) if ("destroy" in socket) socket.destroy();
      for (const socket of sockets) if (!("destroy" in socket)) await new Promise((resolve) => socket.close(resolve));
      rmSync(directory, { recursive: true, force: true });
    });

    /** A listener whose accepted links are recorded, and echo if asked. */
    async function listening(
      address = "tcp://127.0.0.1:0",
      options: { readonly echo?: boolean; readonly engine?: Engine } = {},
    ): Promise<{ listener: EngineListener; accepted: LinkRecorder[] }> {
      const accepted: LinkRecorder[] = [];
      const engine = options.engine ?? engineWith();
      const listener = await engine.listen(address, (link) => {
        const recorder = new LinkRecorder();
        recorder.link = link;
        if (options.echo === true) recorder.onEachFrame = (frame) => expect(link.send(frame)).toBe(true);
        accepted.push(recorder);
        return recorder;
      });
      return { listener, accepted };
    }

    function dialling(address: string, engine = engineWith()): { link: EngineLink; recorder: LinkRecorder } {
      const recorder = new LinkRecorder();
      const link = engine.dial(address, recorder);
      recorder.link = link;
      return { link, recorder };
    }

    /** The one link that a listener accepted. */
    async function first(accepted: LinkRecorder[]): Promise<{ link: EngineLink; recorder: LinkRecorder }> {
      await until(() => accepted.length > 0, "a link was accepted");
      const recorder = accepted[0];
      if (recorder?.link === undefined) throw new Error("unreachable");
      return { link: recorder.link, recorder };
    }

    function portOf(address: string): number {
      return Number(address.slice(address.lastIndexOf(":") + 1));
    }

    describe.each(["tcp", "ipc"])("over %s", (transport) => {
      const somewhere = (): string =>
        transport === "tcp" ? "tcp://127.0.0.1:0" : `ipc://${join(directory, "s.sock")}`;

      test("frames go both ways, whole and in order", async () => {
        const { listener, accepted } = await listening(somewhere(), { echo: true });
        const { link, recorder } = dialling(listener.address);
        await recorder.untilOpen();
        const sent = [bytes("a"), randomBytes(127), randomBytes(129), randomBytes(70_000), bytes("z")];
        for (const frame of sent) expect(link.send(frame)).toBe(true);
        await recorder.untilFrames(sent.length);
        expect(recorder.frames.map((frame) => Buffer.from(frame))).toEqual(sent.map((frame) => Buffer.from(frame)));
        expect(accepted).toHaveLength(1);
        expect(accepted[0]?.opened).toBe(0);
        expect(link.bytesWaiting).toBe(0);
      });

      test("frames offered before the link is open go out first when it is", async () => {
        const { listener } = await listening(somewhere(), { echo: true });
        const { link, recorder } = dialling(listener.address);
        expect(link.send(bytes("early"))).toBe(true);
        expect(recorder.opened).toBe(0);
        await recorder.untilOpen();
        link.send(bytes("late"));
        await recorder.untilFrames(2);
        expect(recorder.texts).toEqual(["early", "late"]);
      });

      test("an address without a listener refuses, after dial returned", async () => {
        const { listener } = await listening(somewhere());
        await listener.close();
        const { recorder } = dialling(listener.address);
        expect(recorder.heard).toEqual([]);
        const end = await recorder.untilEnd();
        expect(end.reason).toBe("refused");
        expect(end.error?.code).toBe("ERR_CONNECT");
        expect(recorder.heard).toEqual(["end refused"]);
      });

      test("what a vanished peer sent is delivered before the end", async () => {
        const server = engineWith();
        const { listener, accepted } = await listening(somewhere(), { engine: server });
        const { link, recorder } = dialling(listener.address);
        link.send(bytes("hello"));
        const peer = await first(accepted);
        for (let index = 0; index < 60; index += 1) expect(peer.link.send(randomBytes(2_000))).toBe(true);
        await until(() => peer.link.bytesWaiting === 0, "all was handed over");
        peer.link.close(5_000);
        await server.close();
        await recorder.untilEnd();
        expect(recorder.framesAtEnd).toBe(60);
        expect(recorder.ends).toHaveLength(1);
        expect(recorder.ends[0]?.reason).toBe("lost");
      });

      test("a listener hears that a dialer closed, after all that it sent", async () => {
        const { listener, accepted } = await listening(somewhere());
        const { link, recorder } = dialling(listener.address);
        await recorder.untilOpen();
        for (let index = 0; index < 50; index += 1) expect(link.send(bytes(`${index}`))).toBe(true);
        link.close(5_000);
        link.close(5_000);
        expect(recorder.ends).toEqual([]);
        expect((await recorder.untilEnd()).reason).toBe("cut");
        const peer = await first(accepted);
        expect((await peer.recorder.untilEnd()).reason).toBe("lost");
        expect(peer.recorder.framesAtEnd).toBe(50);
      });

      test("a cut from the listener's side reaches the dialer", async () => {
        const { listener, accepted } = await listening(somewhere());
        const { link, recorder } = dialling(listener.address);
        link.send(bytes("hello"));
        const peer = await first(accepted);
        peer.link.cut("no such realm");
        expect(peer.recorder.ends).toEqual([]);
        expect(await peer.recorder.untilEnd()).toMatchObject({ reason: "cut", detail: "no such realm" });
        expect((await recorder.untilEnd()).reason).toBe("lost");
        peer.link.cut("again");
        expect(peer.link.send(bytes("ignored"))).toBe(true);
        expect(peer.recorder.ends).toHaveLength(1);
      });

      test("closing a listener cuts its links and frees its address", async () => {
        const { listener, accepted } = await listening(somewhere());
        const { link, recorder } = dialling(listener.address);
        link.send(bytes("hello"));
        const peer = await first(accepted);
        await Promise.all([listener.close(), listener.close()]);
        expect(peer.recorder.ends.map((end) => end.reason)).toEqual(["cut"]);
        expect((await recorder.untilEnd()).reason).toBe("lost");
        const again = await listening(listener.address, { echo: true });
        expect(again.listener.address).toBe(listener.address);
        const next = dialling(listener.address);
        next.link.send(bytes("hello again"));
        await next.recorder.untilFrames(1);
      });

      test("an address in use is refused, and its owner goes on", async () => {
        const { listener } = await listening(somewhere(), { echo: true });
        const second = listening(listener.address);
        await expect(second).rejects.toThrow(ListenError);
        await expect(second).rejects.toThrow(/in use|another process listens/u);
        const { link, recorder } = dialling(listener.address);
        link.send(bytes("still there"));
        await recorder.untilFrames(1);
      });
    });

    test("ten thousand frames survive a round trip, whoever is slow", async () => {
      const { listener, accepted } = await listening();
      const { link, recorder } = dialling(listener.address);
      const total = 10_000;
      const pump = (to: EngineLink, from: () => Uint8Array | undefined, sent: () => void): void => {
        for (let frame = from(); frame !== undefined && to.send(frame); frame = from()) sent();
      };
      let next = 0;
      const sendRequests = (): void =>
        pump(
          link,
          () => (next < total ? bytes(`frame ${next} ${"x".repeat(next % 300)}`) : undefined),
          () => {
            next += 1;
          },
        );
      await recorder.untilOpen();
      recorder.onWritable = sendRequests;
      sendRequests();
      const peer = await first(accepted);
      let answered = 0;
      const sendReplies = (): void =>
        pump(
          peer.link,
          () => peer.recorder.frames[answered],
          () => {
            answered += 1;
          },
        );
      peer.recorder.onWritable = sendReplies;
      peer.recorder.onEachFrame = sendReplies;
      sendReplies();
      await recorder.untilFrames(total, 20_000);
      expect(recorder.frames).toHaveLength(total);
      expect(recorder.texts.every((text, index) => text.startsWith(`frame ${index} `))).toBe(true);
      expect(recorder.ends).toEqual([]);
    });

    test("a full link refuses frames, loses none, and says when there is room", async () => {
      const { listener, accepted } = await listening();
      const { link, recorder } = dialling(listener.address);
      await recorder.untilOpen();
      const frame = randomBytes(256 * 1024);
      let taken = 0;
      while (link.send(frame)) taken += 1;
      expect(taken).toBeGreaterThan(0);
      expect(link.bytesWaiting).toBeLessThanOrEqual(32 * 1024 * 1024);
      expect(recorder.writable).toBe(0);
      await until(() => recorder.writable > 0, "there is room again");
      expect(link.send(bytes("last"))).toBe(true);
      const peer = await first(accepted);
      await peer.recorder.untilFrames(taken + 1);
      expect(peer.recorder.texts.at(-1)).toBe("last");
    });

    test("cut drops what waits and is told once, later", async () => {
      const { listener } = await listening();
      const { link, recorder } = dialling(listener.address);
      await recorder.untilOpen();
      link.cut("enough");
      link.cut("more");
      link.close(100);
      expect(recorder.ends).toEqual([]);
      expect(link.send(bytes("ignored"))).toBe(true);
      await recorder.untilEnd();
      expect(recorder.ends).toEqual([{ reason: "cut", detail: "enough" }]);
    });

    test("cut within onOpen and within onFrame is heeded", async () => {
      const { listener } = await listening("tcp://127.0.0.1:0", { echo: true });
      const opening = dialling(listener.address);
      opening.recorder.onOpen = () => opening.link.cut("at open");
      expect((await opening.recorder.untilEnd()).detail).toBe("at open");
      const reading = dialling(listener.address);
      reading.recorder.onEachFrame = () => reading.link.cut("at the first frame");
      reading.link.send(bytes("1"));
      reading.link.send(bytes("2"));
      expect((await reading.recorder.untilEnd()).detail).toBe("at the first frame");
      expect(reading.recorder.texts).toEqual(["1"]);
    });

    test("a frame over the limit ends its own link and harms no other", async () => {
      const { listener, accepted } = await listening("tcp://127.0.0.1:0", {
        echo: true,
        engine: engineWith({ maxFrameBytes: 10_000 }),
      });
      const neighbour = dialling(listener.address);
      neighbour.link.send(bytes("one"));
      await neighbour.recorder.untilFrames(1);
      const greedy = dialling(listener.address);
      greedy.link.send(randomBytes(20_000));
      expect((await greedy.recorder.untilEnd()).reason).toBe("lost");
      neighbour.link.send(bytes("two"));
      await neighbour.recorder.untilFrames(2);
      expect(accepted.flatMap((recorder) => recorder.texts)).toEqual(["one", "two"]);
    });

    test("noise on the port is counted and harms nobody", async () => {
      const dropped: string[] = [];
      const engine = engineWith({
        handshakeMs: 300,
        onDropped: (reason, _peer, count) => dropped.push(...Array.from({ length: count }, () => reason)),
      });
      const { listener, accepted } = await listening("tcp://127.0.0.1:0", { echo: true, engine });
      const neighbour = dialling(listener.address);
      await neighbour.recorder.untilOpen();
      const noises = [
        Buffer.from("GET / HTTP/1.1\r\nHost: here\r\n\r\n"),
        randomBytes(64),
        Buffer.concat([Buffer.from("ff00000000000000017f", "hex"), Buffer.from([3, 0]), Buffer.from("GARBAGE")]),
        Buffer.concat([
          Buffer.from("ff00000000000000017f0300", "hex"),
          Buffer.from("NULL"),
          Buffer.alloc(48),
          randomBytes(200),
        ]),
      ];
      for (const noise of noises) {
        const socket = connect({ port: portOf(listener.address), host: "127.0.0.1" });
        sockets.push(socket);
        socket.on("error", () => {});
        socket.end(noise);
      }
      await until(
        () => dropped.length >= 2,
        () => `noise was counted (${dropped.length})`,
      );
      for (let index = 0; index < 20; index += 1) neighbour.link.send(bytes(`${index}`));
      await neighbour.recorder.untilFrames(20);
      const sent = Array.from({ length: 20 }, (_, index) => `${index}`);
      expect(neighbour.recorder.texts).toEqual(sent);
      expect(neighbour.recorder.ends).toEqual([]);
      // Noise can look like the first version of the language: then it is a link of its own, whose frames say nothing.
      expect(accepted.filter((recorder) => recorder.texts.includes("0")).map((recorder) => recorder.texts)).toEqual([
        sent,
      ]);
    });

    test("a silent connection is ended when the time for the handshake is over", async () => {
      const { listener } = await listening("tcp://127.0.0.1:0", { engine: engineWith({ handshakeMs: 300 }) });
      const socket = connect({ port: portOf(listener.address), host: "127.0.0.1" });
      sockets.push(socket);
      let ended = false;
      socket.on("error", () => {});
      socket.on("close", () => {
        ended = true;
      });
      socket.resume();
      await until(() => ended, "the silent connection was ended");
    });

    test("a listener that says nothing is told from one that is not there", async () => {
      const mute = createServer((socket) => sockets.push(socket));
      sockets.push(mute);
      await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
      const address = mute.address();
      if (address === null || typeof address === "string") throw new Error("unreachable");
      const { recorder } = dialling(`tcp://127.0.0.1:${address.port}`, engineWith({ handshakeMs: 300 }));
      expect((await recorder.untilEnd()).reason).toBe("handshake");
      expect(recorder.opened).toBe(0);
    });

    test("a listener that speaks another language ends the link as a failed handshake", async () => {
      const web = createServer((socket) => {
        sockets.push(socket);
        socket.on("error", () => {});
        socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".repeat(10));
      });
      sockets.push(web);
      await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
      const address = web.address();
      if (address === null || typeof address === "string") throw new Error("unreachable");
      const { recorder } = dialling(`tcp://127.0.0.1:${address.port}`, engineWith({ handshakeMs: 500 }));
      expect((await recorder.untilEnd()).reason).toBe("handshake");
      expect(recorder.opened).toBe(0);
    });

    test("many dialers are kept apart", async () => {
      const { listener, accepted } = await listening("tcp://127.0.0.1:0", { echo: true });
      const engine = engineWith();
      const dialled = Array.from({ length: 40 }, () => dialling(listener.address, engine));
      dialled.forEach(({ link }, index) => {
        link.send(bytes(`mine is ${index}`));
      });
      await Promise.all(dialled.map(({ recorder }) => recorder.untilFrames(1)));
      dialled.forEach(({ recorder }, index) => {
        expect(recorder.texts).toEqual([`mine is ${index}`]);
      });
      expect(accepted).toHaveLength(40);
    });

    test("a port is found for :0 and for *, and published", async () => {
      for (const address of ["tcp://127.0.0.1:0", "tcp://127.0.0.1:*", "tcp://*:0"]) {
        const { listener } = await listening(address, { echo: true });
        const port = portOf(listener.address);
        expect(port).toBeGreaterThan(0);
        const { link, recorder } = dialling(`tcp://127.0.0.1:${port}`);
        link.send(bytes("hello"));
        await recorder.untilFrames(1);
      }
    });

    test("a name and an IPv6 address can be bound and dialled", async () => {
      const named = await listening("tcp://localhost:0", { echo: true });
      const byName = dialling(`tcp://localhost:${portOf(named.listener.address)}`);
      byName.link.send(bytes("by name"));
      await byName.recorder.untilFrames(1);
      const six = await listening("tcp://[::1]:0", { echo: true });
      const bySix = dialling(six.listener.address);
      bySix.link.send(bytes("by six"));
      await bySix.recorder.untilFrames(1);
      expect(six.listener.address).toMatch(/^tcp:\/\/\[::1\]:\d+$/u);
    });

    test.each([
      ["tcp://127.0.0.1:99999", /not between 0 and 65535/u],
      ["tcp://127.0.0.1:1-5", /one port/u],
      ["tcp://127.0.0.1", /one port/u],
      ["127.0.0.1:80", /tcp:\/\/HOST:PORT/u],
      ["udp://127.0.0.1:80", /tcp:\/\/HOST:PORT/u],
      ["tcp://[::zz]:80", /no IPv6 address/u],
      ["tcp://203.0.113.7:0", /no such address/u],
      ["tcp://no-such-host.invalid:0", /cannot be resolved|no such address/u],
      ["ipc://", /no path/u],
      [`ipc:///tmp/${"x".repeat(120)}`, /at most 107/u],
      ["ipc:///no/such/directory/s.sock", /directory does not exist/u],
    ])("%s cannot be bound, and the error says why", async (address, why) => {
      const attempt = engineWith().listen(address, () => new LinkRecorder());
      await expect(attempt).rejects.toThrow(ListenError);
      await expect(attempt).rejects.toThrow(why);
    });

    test.each(["tcp://127.0.0.1:0", "tcp://*:80", "nonsense", "tcp://127.0.0.1:70000"])(
      "%s cannot be dialled, which is told like any end",
      async (address) => {
        const { recorder } = dialling(address);
        expect(recorder.ends).toEqual([]);
        const end = await recorder.untilEnd();
        expect(end.reason).toBe("failed");
        expect(end.error?.message).toContain(address);
      },
    );

    test("a stale socket file is replaced, a file that is no socket is not, and nothing is left after close", async () => {
      const path = join(directory, "stale.sock");
      const { spawnSync } = await import("node:child_process");
      const script = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
      spawnSync(process.execPath, ["-e", script]);
      expect(existsSync(path)).toBe(true);
      const { listener } = await listening(`ipc://${path}`, { echo: true });
      const { link, recorder } = dialling(listener.address);
      link.send(bytes("hello"));
      await recorder.untilFrames(1);
      await listener.close();
      expect(existsSync(path)).toBe(false);
      const precious = join(directory, "precious.txt");
      writeFileSync(precious, "keep me");
      await expect(listening(`ipc://${precious}`)).rejects.toThrow(/no socket/u);
      expect(existsSync(precious)).toBe(true);
    });

    test("a closed engine dials and listens no more", async () => {
      const engine = engineWith();
      await engine.close();
      await engine.close();
      await expect(listening("tcp://127.0.0.1:0", { engine })).rejects.toThrow(/closed/u);
      const { recorder } = dialling("tcp://127.0.0.1:9", engine);
      expect((await recorder.untilEnd()).reason).toBe("cut");
    });

    test("closing an engine ends each of its links once, those still connecting too", async () => {
      const { listener } = await listening();
      const engine = engineWith();
      const open = dialling(listener.address, engine);
      await open.recorder.untilOpen();
      const connecting = dialling(listener.address, engine);
      await engine.close();
      expect((await open.recorder.untilEnd()).reason).toBe("cut");
      expect((await connecting.recorder.untilEnd()).reason).toBe("cut");
      expect(connecting.recorder.opened).toBe(0);
    });
  });
}
