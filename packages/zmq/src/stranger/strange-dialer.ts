import { type Request, ValueReader, type ValueWriter } from "@trunkline/core/driver";
import type { Engine, EngineLink, LinkHandler } from "../engine/engine.js";
import { soleFrame } from "../link/greeting-frames.js";
import { writeRequestBody } from "../wire/bodies.js";
import { type Hello, PROTOCOL_VERSION, readAnswer, SESSION_BYTES, writeHello } from "../wire/greeting.js";
import { ADVERT, REFUSE } from "../wire/record-types.js";
import { writeCast, writeRoute } from "../wire/requests.js";
import type { ResponseSink } from "../wire/responses.js";
import { readResponses } from "../wire/responses.js";

type Form = "plain" | "extended" | "unknown-version" | "nameless";

const LATER_VERSION = 9;
/** Of the features of later versions, one that version 1 cannot know. */
const LATER_FEATURE = 2 ** 40;

/** A link of one who dials a server and does not keep to the protocol. It ends with its engine. */
export class StrangeDialer implements LinkHandler {
  readonly #link: EngineLink;
  readonly #isOpen: Promise<void>;
  readonly #frames: Buffer[] = [];
  readonly #waiting = new Set<() => void>();
  #opened: () => void = () => {};
  #hasEnded = false;

  constructor(engine: Engine, address: string) {
    this.#isOpen = new Promise((resolve) => {
      this.#opened = resolve;
    });
    this.#link = engine.dial(address, this);
  }

  /** Frames that are none of the protocol, by what they are; each is all that its link says. */
  static noise(realm: string): readonly (readonly [string, Uint8Array])[] {
    const whole = soleFrame((writer) => writeHello(writer, helloOf(realm)));
    return [
      ["a frame of noise", Buffer.from("hello world")],
      ["half of a HELLO", whole.subarray(0, 12)],
      [
        "a HELLO of somebody else's protocol",
        Buffer.concat([whole.subarray(0, 1), Buffer.from("ELSE"), whole.subarray(5)]),
      ],
    ];
  }

  onOpen(): void {
    this.#opened();
  }

  onFrame(frame: Uint8Array): void {
    this.#frames.push(Buffer.from(frame));
    for (const look of this.#waiting) look();
  }

  onWritable(): void {}

  onEnd(): void {
    this.#hasEnded = true;
    this.#opened();
    for (const look of this.#waiting) look();
  }

  async say(frame: Uint8Array): Promise<void> {
    await this.#isOpen;
    this.#link.send(frame);
  }

  /** Casts `note` to a server of `topic`. Resolves with the refusal of what it said, if it is one that is refused. */
  async cast(realm: string, topic: string, id: string, form: Form): Promise<string | undefined> {
    await this.say(helloFrame(realm, form));
    if (form === "unknown-version") return this.#refusal();
    await this.#until(() => this.#adverts().some((advert) => advert.topic === topic));
    const listener = this.#adverts().find((advert) => advert.topic === topic)?.listener ?? 0;
    const route = { mode: "topic", namespace: undefined, version: undefined, method: "note" } as const;
    await this.say(
      soleFrame((writer) => {
        writeRoute(writer, 1, listener, route);
        // What a message is about is told by the number of its route alone.
        writeCast(writer, 0, form === "nameless" ? 2 : 1);
        writeRequestBody(writer, requestOf(id), 0);
      }),
    );
    return form === "nameless" ? this.#refusal() : undefined;
  }

  async #refusal(): Promise<string> {
    await this.#until(() => this.#frames.some(([type]) => type === REFUSE));
    const frame = this.#frames.find(([type]) => type === REFUSE);
    const answer = frame === undefined ? undefined : readAnswer(readerOf(frame));
    return answer !== undefined && "code" in answer ? `${answer.code}: ${answer.text}` : "the link was ended";
  }

  /** Resolves when it holds, or nothing can come any more. */
  #until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!condition() && !this.#hasEnded) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  #adverts(): { readonly listener: number; readonly topic: string }[] {
    const found: { readonly listener: number; readonly topic: string }[] = [];
    const sink = { ...DEAF, advert: (advert: { listener: number; topic: string }) => void found.push(advert) };
    for (const frame of this.#frames) if (frame[0] === ADVERT) readResponses(readerOf(frame), sink);
    return found;
  }
}

const ignore = (): void => {};
const DEAF: ResponseSink = {
  isOpen: true,
  shapes: undefined,
  shape: ignore,
  advert: ignore,
  goaway: ignore,
  reply: ignore,
  fail: ignore,
  beat: ignore,
  callBack: ignore,
  castBack: ignore,
  eventBack: ignore,
  requeue: ignore,
  accepted: ignore,
  handled: ignore,
  credit: ignore,
  reclaim: ignore,
  pong: ignore,
  bye: ignore,
};

function helloOf(realm: string): Hello {
  return {
    lowestVersion: PROTOCOL_VERSION,
    highestVersion: PROTOCOL_VERSION,
    features: 0,
    maxMessageBytes: 1_000_000,
    session: new Uint8Array(SESSION_BYTES).fill(7),
    realm,
    incarnation: "",
    name: "stranger",
  };
}

function helloFrame(realm: string, form: Form): Uint8Array {
  const hello = helloOf(realm);
  const write = (part: Partial<Hello>, more?: (writer: ValueWriter) => void): Uint8Array =>
    soleFrame((writer) => {
      writeHello(writer, { ...hello, ...part });
      more?.(writer);
    });
  if (form === "unknown-version") return write({ lowestVersion: LATER_VERSION, highestVersion: LATER_VERSION });
  if (form !== "extended") return write({});
  return write({ highestVersion: LATER_VERSION, features: LATER_FEATURE }, (writer) => writer.text("a field of later"));
}

function requestOf(id: string): Request {
  return { kind: "request", id: "", method: "note", params: { id }, context: {}, headers: {} };
}

function readerOf(frame: Uint8Array): ValueReader {
  const reader = new ValueReader();
  reader.reset(frame);
  return reader;
}
