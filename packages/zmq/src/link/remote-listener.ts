import type { Line } from "../routing/line.js";
import type { MethodKey } from "../routing/method-key.js";
import type { Advert } from "../wire/responses.js";
import type { DialedLink } from "./dialed-link.js";

/** A listener of another process, as it advertised itself over a link: what may be sent to it, and what is under way. */
export class RemoteListener {
  readonly link: DialedLink;
  readonly id: number;
  readonly advert: Advert;
  /** How many messages it may still be sent (B13). */
  tokens: number;
  /** Calls without an answer, and casts and events not yet accepted: the load that this process knows of. */
  inFlight = 0;
  /** It stops: nothing new goes there. */
  isGoing = false;
  /** Those that send to it. */
  readonly lines: Line[] = [];
  /** For what is meant for this listener alone: its part of fanouts. */
  own: Line | undefined = undefined;
  readonly routes: Map<MethodKey, number> = new Map();
  /** How many waiting messages it was told of, less the credit that came since. */
  wantTold = 0;
  isWantDue = false;

  constructor(link: DialedLink, advert: Advert, tokens: number) {
    this.link = link;
    this.id = advert.listener;
    this.advert = advert;
    this.tokens = tokens;
  }

  get canSend(): boolean {
    return this.tokens > 0 && !this.isGoing && this.link.canSend;
  }

  /** How many messages wait that could go here. */
  get waiting(): number {
    let sum = 0;
    for (const line of this.lines) sum += line.size;
    return sum;
  }
}
