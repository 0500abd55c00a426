import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** ZMTP 3.0, section "Greeting": signature, version, mechanism, as-server, filler. */
const GREETING: Buffer = Buffer.concat([
  Buffer.from("ff00000000000000017f0300", "hex"),
  Buffer.concat([Buffer.from("NULL"), Buffer.alloc(16)]),
  Buffer.alloc(32),
]);

/** ZMTP 3.0, section "The NULL security handshake": a command frame with the metadata of a DEALER. */
const READY: Buffer = command(
  Buffer.concat([Buffer.from("\x05READY"), Buffer.from("\x0bSocket-Type"), Buffer.from("\0\0\0\x06DEALER")]),
);

/** The flags of a long frame, and a length of 4 GiB, with little behind it. */
const ENDLESS: Buffer = Buffer.concat([Buffer.from("020000000100000000", "hex"), Buffer.alloc(10_000, 1)]);

/** What is no ZMTP, or breaks off, by what it is. */
const NOISE: readonly (readonly [string, readonly Buffer[]])[] = [
  ["a request of HTTP", [Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")]],
  ["bytes that look like a greeting", [GREETING.subarray(0, 12), Buffer.alloc(500, 0xfe)]],
  ["half a greeting, and nothing more", [GREETING.subarray(0, 30)]],
  ["a greeting, a byte at a time, and nothing more", [...GREETING].map((byte) => Buffer.of(byte))],
  ["a frame of 4 GiB that has only begun", [GREETING, READY, ENDLESS]],
  ["an empty frame and an unknown command", [GREETING, READY, Buffer.of(0, 0), command(Buffer.from("\x03ABC"))]],
];

/** Sockets that say what libzmq cannot be made to say; they stay until they are closed. */
export class ZmtpNoise {
  readonly #sockets: Socket[] = [];

  /** Resolves with what was sent to the socket file at `path`, each by a connection of its own. */
  async send(path: string): Promise<readonly string[]> {
    for (const [, pieces] of NOISE) {
      const socket = connect(path);
      this.#sockets.push(socket);
      // The other side may end it at any byte; that is its answer.
      const ended = once(socket, "close");
      socket.on("error", () => {});
      socket.resume();
      for (const piece of pieces) {
        const written = new Promise<void>((resolve) => socket.write(piece, () => resolve()));
        await Promise.race([written, ended]);
      }
    }
    return NOISE.map(([what]) => what);
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

function command(body: Buffer): Buffer {
  return Buffer.concat([Buffer.of(4, body.length), body]);
}
