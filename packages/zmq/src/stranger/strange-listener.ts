import { randomUUID } from "node:crypto";
import type { StrangerReply } from "@trunkline/conformance";
import { ValueReader, type ValueWriter } from "@trunkline/core/driver";
import type { EngineLink, LinkHandler } from "../engine/engine.js";
import { soleFrame } from "../link/greeting-frames.js";
import { copyRequestBody } from "../wire/bodies.js";
import { PROTOCOL_VERSION, readHello, writeWelcome } from "../wire/greeting.js";
import { PONG } from "../wire/record-types.js";
import { type RequestSink, readRequests } from "../wire/requests.js";
import { writeAdvert, writeFail, writeReply } from "../wire/responses.js";

const LISTENER = 1;
const CREDIT = 1_000;
/** Of the numbers that a dialer gives its calls, so many of each are tried. */
const SLOTS = 16;
const GENERATIONS = 4;

interface ServerNames {
  readonly exchange: string;
  readonly topic: string;
  readonly server: string;
}

/** A server that answers by hand whoever dials it. */
export class StrangeListener {
  readonly incarnation: string = randomUUID();
  readonly #names: ServerNames;
  readonly #answer: (method: string) => readonly StrangerReply[];

  constructor(names: ServerNames, answer: (method: string) => readonly StrangerReply[]) {
    this.#names = names;
    this.#answer = answer;
  }

  accept(link: EngineLink): LinkHandler {
    const methods = new Map<number, string>();
    const sink: RequestSink = {
      ...DEAF,
      route: (id, _listener, names) => void methods.set(id, names.method),
      call: (reader, flags, slot, generation, route) => {
        copyRequestBody(reader, flags);
        for (const reply of this.#answer(methods.get(route) ?? "")) say(link, slot, generation, reply);
      },
      cast: (reader, flags) => void copyRequestBody(reader, flags),
      ping: () => void link.send(soleFrame((writer) => writer.u8(PONG))),
    };
    let isGreeted = false;
    return {
      onOpen: ignore,
      onWritable: ignore,
      onEnd: ignore,
      onFrame: (frame) => {
        const reader = new ValueReader();
        reader.reset(frame);
        if (isGreeted) return readRequests(reader, sink);
        isGreeted = true;
        this.#welcome(link, readHello(reader).session);
      },
    };
  }

  #welcome(link: EngineLink, session: Uint8Array): void {
    const { incarnation } = this;
    const maxMessageBytes = 1_000_000;
    const welcome = { version: PROTOCOL_VERSION, features: 0, maxMessageBytes, session, incarnation, name: "stranger" };
    link.send(soleFrame((writer) => writeWelcome(writer, { ...welcome, listeners: 1 })));
    link.send(soleFrame((writer) => writeAdvert(writer, { kind: "rpc", listener: LISTENER, ...this.#names }, CREDIT)));
  }
}

function say(link: EngineLink, slot: number, generation: number, reply: StrangerReply): void {
  const write = (writing: (writer: ValueWriter) => void): void => void link.send(soleFrame(writing));
  switch (reply.kind) {
    case "result":
      return write((writer) => writeReply(writer, slot, generation, reply.value));
    case "failure":
      return write((writer) => writeFail(writer, slot, generation, reply));
    case "stray":
      for (let other = 0; other < SLOTS; other++) {
        for (let of = 0; of < GENERATIONS; of++) {
          if (other !== slot || of !== generation) write((writer) => writeReply(writer, other, of, "forged"));
        }
      }
  }
}

const ignore = (): void => {};
const DEAF: RequestSink = {
  isOpen: true,
  shapes: undefined,
  shape: ignore,
  route: ignore,
  call: ignore,
  cast: ignore,
  event: ignore,
  cancel: ignore,
  want: ignore,
  returned: ignore,
  gaveUp: ignore,
  noted: ignore,
  ping: ignore,
  bye: ignore,
};
