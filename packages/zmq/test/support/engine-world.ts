import { connect, type Socket } from "node:net";
import { expect } from "vitest";
import type { Engine, EngineLink, EngineOptions } from "../../src/engine/engine.js";
import { createZmtpEngine, type ZmtpEngineOptions } from "../../src/engine/zmtp-engine.js";
import { bytes, LinkRecorder } from "./link-recorder.js";

const OPTIONS: EngineOptions = {
  maxFrameBytes: 16 * 1024 * 1024,
  heartbeatMs: 1_000,
  heartbeatTimeoutMs: 15_000,
  handshakeMs: 2_000,
  silentMs: 60_000,
};

/** A listener that echoes, a neighbour who is served all the while, and sockets of others who say what they like. */
export class EngineWorld {
  /** How much was dropped, by reason. */
  readonly dropped: Map<string, number> = new Map();
  readonly #engines: Engine[] = [];
  readonly #raw: Set<Socket> = new Set();
  readonly #neighbour: LinkRecorder = new LinkRecorder();
  #link: EngineLink | undefined;
  address = "";

  static async open(options: Partial<ZmtpEngineOptions> = {}): Promise<EngineWorld> {
    const world = new EngineWorld();
    const server = world.#engine(options);
    const listener = await server.listen("tcp://127.0.0.1:0", (link) => ({
      onOpen() {},
      onWritable() {},
      onEnd() {},
      onFrame: (frame) => void link.send(frame),
    }));
    world.address = listener.address;
    world.#link = world.dial(world.#neighbour);
    await world.#neighbour.untilOpen();
    return world;
  }

  get port(): number {
    return Number(this.address.split(":").at(-1));
  }

  /** The neighbour's link still is what it was, and its next message comes back. */
  async serves(): Promise<void> {
    const before = this.#neighbour.frames.length;
    this.#link?.send(bytes("still there"));
    await this.#neighbour.untilFrames(before + 1, 15_000);
    expect(this.#neighbour.ends).toEqual([]);
  }

  /** With an engine of its own. */
  dial(handler: LinkRecorder): EngineLink {
    return this.#engine({}).dial(this.address, handler);
  }

  raw(): Socket {
    const socket = connect({ port: this.port, host: "127.0.0.1" });
    socket.on("error", () => {});
    socket.on("close", () => this.#raw.delete(socket));
    socket.resume();
    this.#raw.add(socket);
    return socket;
  }

  /** All that was dropped is counted then. */
  async closeServer(): Promise<void> {
    await this.#engines[0]?.close();
  }

  async close(): Promise<void> {
    for (const socket of this.#raw) socket.destroy();
    await Promise.all(this.#engines.map((engine) => engine.close()));
  }

  #engine(options: Partial<ZmtpEngineOptions>): Engine {
    const engine = createZmtpEngine({
      ...OPTIONS,
      onDropped: (reason, _peer, count) => this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + count),
      ...options,
    });
    this.#engines.push(engine);
    return engine;
  }
}
