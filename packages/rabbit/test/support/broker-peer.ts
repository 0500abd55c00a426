import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { BrokerHost } from "../../src/connection/host-order.js";

/** A method of AMQP 0-9-1 by its class and number, with its arguments as bytes. */
export interface Method {
  readonly id: string;
  readonly args: Buffer;
}

/** What the peer says, each when the client has said as many methods before (AMQP 0-9-1, section 2.2.4). */
export const METHODS = {
  start: (mechanisms = "PLAIN AMQPLAIN EXTERNAL"): Buffer =>
    frame(10, 10, Buffer.from([0, 9, 0, 0, 0, 0]), longText(mechanisms), longText("en_US")),
  tune: (heartbeatSeconds = 60): Buffer => {
    const args = Buffer.alloc(8);
    args.writeUInt16BE(2_047, 0);
    args.writeUInt32BE(131_072, 2);
    args.writeUInt16BE(heartbeatSeconds, 6);
    return frame(10, 30, args);
  },
  openOk: (): Buffer => frame(10, 41, Buffer.from([0])),
  closeOk: (): Buffer => frame(10, 51),
  close: (code: number, text: string): Buffer => {
    const head = Buffer.alloc(2);
    head.writeUInt16BE(code);
    return frame(10, 50, head, shortText(text), Buffer.alloc(4));
  },
} as const;

/**
 * A broker that says what its script has: an entry when the client has said as much before, the protocol header first. Its
 * answers end with the script; the connection stays open.
 */
export class BrokerPeer {
  readonly host: BrokerHost;
  /** What the clients have said, one connection after the other. */
  readonly heard: Method[] = [];
  readonly sockets: Socket[] = [];
  readonly #server: ReturnType<typeof createServer>;

  private constructor(server: ReturnType<typeof createServer>, script: readonly (Buffer | undefined)[]) {
    this.#server = server;
    // A listening server over TCP has a port.
    const { port } = server.address() as AddressInfo;
    this.host = { host: "127.0.0.1", port, user: "u", password: "p" };
    server.on("connection", (socket) => this.#serve(socket, script));
  }

  static async open(script: readonly (Buffer | undefined)[]): Promise<BrokerPeer> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new BrokerPeer(server, script);
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #serve(socket: Socket, script: readonly (Buffer | undefined)[]): void {
    this.sockets.push(socket);
    socket.on("error", () => {
      // It was cut by the other side.
    });
    let bytes = Buffer.alloc(0);
    let isGreeted = false;
    let step = 0;
    const answer = (): void => {
      const said = script[step];
      step += 1;
      if (said !== undefined) socket.write(said);
    };
    socket.on("data", (more) => {
      bytes = Buffer.concat([bytes, more]);
      if (!isGreeted && bytes.length >= 8) {
        bytes = bytes.subarray(8);
        isGreeted = true;
        answer();
      }
      while (isGreeted && bytes.length >= 7 && bytes.length >= 8 + bytes.readUInt32BE(3)) {
        const end = 7 + bytes.readUInt32BE(3);
        const payload = bytes.subarray(7, end);
        const isMethod = bytes[0] === 1;
        bytes = bytes.subarray(end + 1);
        if (!isMethod) continue;
        this.heard.push({
          id: `${payload.readUInt16BE(0)}.${payload.readUInt16BE(2)}`,
          args: Buffer.from(payload.subarray(4)),
        });
        answer();
      }
    });
  }
}

function frame(classId: number, methodId: number, ...args: readonly Buffer[]): Buffer {
  const payload = Buffer.concat([Buffer.from([0, classId, 0, methodId]), ...args]);
  const head = Buffer.alloc(7);
  head[0] = 1;
  head.writeUInt32BE(payload.length, 3);
  return Buffer.concat([head, payload, Buffer.from([0xce])]);
}

function longText(text: string): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(Buffer.byteLength(text));
  return Buffer.concat([head, Buffer.from(text)]);
}

function shortText(text: string): Buffer {
  return Buffer.concat([Buffer.from([Buffer.byteLength(text)]), Buffer.from(text)]);
}
