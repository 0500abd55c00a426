import type { Engine, EngineLink, EngineListener, LinkEnd, LinkHandler } from "../../src/engine/engine.js";
import { AcceptedLink } from "../../src/link/accepted-link.js";
import { EnginePair } from "./engine-pair.js";
import type { ProcessLog } from "./session.js";

/** One attempt to connect, which waits for the test to say what comes of it. */
export class Dial {
  readonly address: string;
  readonly pair: EnginePair = new EnginePair();
  readonly handler: LinkHandler;

  constructor(address: string, handler: LinkHandler) {
    this.address = address;
    this.handler = handler;
    this.pair.dialer.handler = handler;
  }

  /** A process takes it. */
  accept(process: ProcessLog): AcceptedLink {
    const accepted = new AcceptedLink(process, this.pair.listener);
    this.pair.open(this.handler, accepted);
    return accepted;
  }

  end(reason: LinkEnd["reason"], detail: string = reason): void {
    this.pair.break(reason, detail);
  }
}

/** An engine whose connections are made by hand. */
export class FakeEngine implements Engine {
  readonly name = "fake";
  readonly dials: Dial[] = [];

  get addresses(): string[] {
    return this.dials.map(({ address }) => address);
  }

  get last(): Dial {
    const dial = this.dials.at(-1);
    if (dial === undefined) throw new Error("nobody was dialled");
    return dial;
  }

  listen(): Promise<EngineListener> {
    return Promise.reject(new Error("it only dials"));
  }

  dial(address: string, handler: LinkHandler): EngineLink {
    const dial = new Dial(address, handler);
    this.dials.push(dial);
    return dial.pair.dialer;
  }

  async settle(): Promise<void> {
    for (const { pair } of this.dials) await pair.settle();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
