/** Plain TCP by hand: length-prefixed msgpack, what was written in one tick coalesced into one write, one promise and one id a call. */
import { once } from "node:events";
import { createServer, connect as dial } from "node:net";
import { Packr } from "msgpackr";

class Framed {
  #socket;
  #packr = new Packr({ useRecords: false });
  #out = [];
  #rest = Buffer.alloc(0);

  constructor(socket, onMessage) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      const data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
      let at = 0;
      while (at + 4 <= data.length) {
        const length = data.readUInt32BE(at);
        if (at + 4 + length > data.length) break;
        onMessage(this.#packr.unpack(data.subarray(at + 4, at + 4 + length)));
        at += 4 + length;
      }
      this.#rest = data.subarray(at);
    });
  }

  send(message) {
    const body = this.#packr.pack(message);
    const header = Buffer.allocUnsafe(4);
    header.writeUInt32BE(body.length);
    if (this.#out.length === 0) process.nextTick(() => this.#flush());
    this.#out.push(header, body);
  }

  #flush() {
    this.#socket.write(Buffer.concat(this.#out));
    this.#out = [];
  }
}

export async function serve() {
  const server = createServer((socket) => {
    const framed = new Framed(socket, (message) => {
      if (message[0] !== 0) framed.send([message[0], message[2]]);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { address: server.address().port, close: () => server.close() };
}

export async function connect(port) {
  const socket = dial(port, "127.0.0.1");
  await once(socket, "connect");
  const pending = new Map();
  let nextId = 0;
  const framed = new Framed(socket, ([id, result]) => {
    const resolve = pending.get(id);
    pending.delete(id);
    resolve(result);
  });
  const call = (params) =>
    new Promise((resolve) => {
      nextId += 1;
      pending.set(nextId, resolve);
      framed.send([nextId, "echo", params]);
    });
  return {
    call,
    castWindow: (list) => {
      for (let i = 0; i < list.length - 1; i += 1) framed.send([0, "note", list[i]]);
      return call(list.at(-1));
    },
    close: () => socket.destroy(),
  };
}
