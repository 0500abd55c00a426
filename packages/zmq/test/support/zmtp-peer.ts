import { once } from "node:events";
import { connect, createServer, type NetConnectOpts, type Server, type Socket } from "node:net";
import { encodeFrame, MORE } from "../../src/zmtp/frames.js";
import { sealedBytes } from "../../src/zmtp/mechanisms/curve-traffic.js";
import {
  type SessionBounds,
  type SessionOptions,
  type SessionPeer,
  type SessionSink,
  ZmtpSession,
} from "../../src/zmtp/session.js";
import { until } from "./until.js";

const BOUNDS: SessionBounds = {
  maxCommandBytes: 4_096,
  maxFrameBytes: 16 * 1024 * 1024,
  maxMessageBytes: 32 * 1024 * 1024,
  maxMessageFrames: 64,
};

/** The session over a real socket, with whole messages: what the engine leaves out because its protocol has no use for it. */
export class ZmtpPeer implements SessionSink {
  readonly socket: Socket;
  readonly session: ZmtpSession;
  readonly messages: Buffer[][] = [];
  readonly ttls: number[] = [];
  info: SessionPeer | undefined;
  error: Error | undefined;
  isClosed = false;

  constructor(socket: Socket, options: Omit<SessionOptions, "bounds">) {
    this.socket = socket;
    this.session = new ZmtpSession({ ...options, bounds: BOUNDS }, this);
    socket.on("data", (chunk) => {
      try {
        this.session.receive(chunk);
      } catch (error) {
        this.error = error as Error;
        socket.destroySoon();
      }
    });
    socket.on("error", (error) => {
      this.error ??= error;
    });
    socket.on("close", () => {
      this.isClosed = true;
    });
    this.session.start();
  }

  static async dial(to: NetConnectOpts, options: Omit<SessionOptions, "bounds">): Promise<ZmtpPeer> {
    const socket = connect(to);
    await once(socket, "connect");
    return new ZmtpPeer(socket, options);
  }

  transmit(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  onReady(info: SessionPeer): void {
    this.info = info;
  }

  onMessage(first: Buffer, rest: readonly Buffer[]): void {
    this.messages.push([first, ...rest]);
  }

  onPing(ttlMs: number): void {
    this.ttls.push(ttlMs);
  }

  send(...frames: readonly Uint8Array[]): void {
    for (const [index, frame] of frames.entries()) {
      const flags = index + 1 < frames.length ? MORE : 0;
      const { traffic } = this.session;
      if (traffic === undefined) this.socket.write(encodeFrame(flags, frame));
      else {
        const sealed = Buffer.alloc(sealedBytes(traffic, frame.byteLength));
        traffic.seal(flags, frame, sealed, 0);
        this.socket.write(sealed);
      }
    }
  }

  async untilReady(): Promise<void> {
    await until(() => this.info !== undefined || this.isClosed, "the handshake was done");
    if (this.info === undefined) throw this.error ?? new Error("it was closed");
  }
}

/** A server whose connections are such peers. */
export async function zmtpServer(
  where: { readonly port: number; readonly host: string } | { readonly path: string },
  options: Omit<SessionOptions, "bounds">,
): Promise<{ readonly server: Server; readonly peers: ZmtpPeer[] }> {
  const peers: ZmtpPeer[] = [];
  const server = createServer((socket) => peers.push(new ZmtpPeer(socket, options)));
  await new Promise<void>((resolve) => server.listen(where, resolve));
  return { server, peers };
}

/** Passes bytes on to `target` in pieces of the sizes given, in turn. Resolves with its port. */
export async function piecemeal(
  target: number,
  sizes: readonly number[],
): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ port: target, host: "127.0.0.1", noDelay: true });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      let turn = 0;
      let last: Promise<void> = Promise.resolve();
      from.on("data", (chunk) => {
        last = last.then(async () => {
          for (let at = 0; at < chunk.length; ) {
            const size = sizes[turn++ % sizes.length] ?? 1;
            to.write(chunk.subarray(at, at + size));
            at += size;
            // The other side reads what there is before more comes.
            await new Promise((resolve) => setImmediate(resolve));
          }
        });
      });
      from.on("error", () => to.destroy());
      from.on("close", () => void last.then(() => to.destroy()));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return { server, port: typeof address === "object" && address !== null ? address.port : 0 };
}
