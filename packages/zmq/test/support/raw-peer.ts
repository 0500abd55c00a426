/** One side of a session spoken by hand: what an honest peer would never say. */
import type { LinkEnd, LinkHandler } from "../../src/engine/engine.js";
import {
  type Hello,
  PROTOCOL_VERSION,
  readAnswer,
  SESSION_BYTES,
  type Welcome,
  writeHello,
  writeWelcome,
} from "../../src/wire/greeting.js";
import { readerOf, written } from "./bytes.js";
import type { PairLink } from "./engine-pair.js";
import { type RequestRecord, readRequestRecords, writeRequestRecord } from "./request-records.js";
import { type ResponseRecord, readResponseRecords, writeResponseRecord } from "./response-records.js";
import { Session, type SessionOptions } from "./session.js";

class RawPeer implements LinkHandler {
  readonly link: PairLink;
  readonly frames: Buffer[] = [];
  end: LinkEnd | undefined;

  constructor(link: PairLink) {
    this.link = link;
  }

  onOpen(): void {}
  onFrame(frame: Uint8Array): void {
    this.frames.push(Buffer.from(frame));
  }
  onWritable(): void {}
  onEnd(end: LinkEnd): void {
    this.end = end;
  }

  bytes(...frame: number[]): void {
    this.link.send(Buffer.from(frame));
  }
}

export class RawDialer extends RawPeer {
  /** One frame of these. */
  say(...records: readonly RequestRecord[]): void {
    this.link.send(written((writer) => each(records, (record) => writeRequestRecord(writer, record))));
  }

  hello(part: Partial<Hello> = {}): void {
    const hello = {
      lowestVersion: PROTOCOL_VERSION,
      highestVersion: PROTOCOL_VERSION,
      features: 0,
      maxMessageBytes: 1e6,
      session: new Uint8Array(SESSION_BYTES),
      realm: "",
      incarnation: "",
      name: "raw",
      ...part,
    };
    this.link.send(written((writer) => writeHello(writer, hello)));
  }

  /** What came behind the answer to HELLO, until a refusal. */
  get heard(): ResponseRecord[] {
    return this.frames
      .slice(1)
      .filter((frame) => frame[0] !== 0x03)
      .flatMap((frame) => readResponseRecords(frame));
  }

  /** What the listener agreed to. */
  get features(): number | undefined {
    const [frame] = this.frames;
    const answer = frame === undefined ? undefined : readAnswer(readerOf(frame));
    return answer !== undefined && "features" in answer ? answer.features : undefined;
  }

  /** The refusal that ended the session; undefined where none came. */
  get refusal(): ReturnType<typeof readAnswer> | undefined {
    const frame = this.frames.find(([type]) => type === 0x03);
    return frame === undefined ? undefined : readAnswer(readerOf(frame));
  }
}

export class RawServer extends RawPeer {
  say(...records: readonly ResponseRecord[]): void {
    this.link.send(written((writer) => each(records, (record) => writeResponseRecord(writer, record))));
  }

  welcome(session: Uint8Array, part: Partial<Welcome> = {}): void {
    const welcome = {
      version: PROTOCOL_VERSION,
      features: 0,
      maxMessageBytes: 1e6,
      session,
      incarnation: "run-1",
      name: "raw",
      listeners: 0,
      ...part,
    };
    this.link.send(written((writer) => writeWelcome(writer, welcome)));
  }

  /** What came behind HELLO. */
  get heard(): RequestRecord[] {
    return this.frames.slice(1).flatMap((frame) => readRequestRecords(frame));
  }
}

function each<Item>(items: readonly Item[], act: (item: Item) => void): void {
  for (const item of items) act(item);
}

/** A real server with a dialer by hand, not yet greeted. */
export function againstServer(options: SessionOptions = {}): { readonly session: Session; readonly raw: RawDialer } {
  const session = new Session(options);
  const raw = new RawDialer(session.pair.dialer);
  session.pair.open(raw, session.accepted);
  return { session, raw };
}

/** A real dialer with a server by hand, which has heard HELLO. */
export async function againstDialer(options: SessionOptions = {}): Promise<{
  readonly session: Session;
  readonly raw: RawServer;
}> {
  const session = new Session(options);
  const raw = new RawServer(session.pair.listener);
  await session.open(raw);
  return { session, raw };
}

/** The session number of the first link that a dialer makes. */
export const FIRST_SESSION: Uint8Array = new Uint8Array(SESSION_BYTES).fill(1);
