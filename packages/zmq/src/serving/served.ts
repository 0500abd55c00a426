import type { Address, Route } from "@trunkline/core/driver";
import type { Grant, GrantPort } from "./credit-ledger.js";
import type { LocalListener } from "./local-listener.js";

/** What a listener needs of a link to it. */
export interface ServingLink {
  readonly isChoked: boolean;
  /** Grants or reclaims are to be written when the tick ends. */
  due(served: Served): void;
}

/** A listener of the process as one link sees it. */
export class Served implements GrantPort {
  readonly link: ServingLink;
  readonly listener: LocalListener;
  readonly grant: Grant;
  /** One for all events of this listener over this link. */
  readonly eventRoute: Route = { resolved: undefined };
  readonly eventTo: Address;
  /** The dialer sends nothing more for it. */
  hasGivenUp = false;
  /** Tokens granted since the last flush. */
  due = 0;
  dueReclaim = 0;

  constructor(link: ServingLink, listener: LocalListener) {
    this.link = link;
    this.listener = listener;
    const { realm, exchange, topic } = listener.what.address;
    this.eventTo = { realm, exchange, topic };
    this.grant = listener.ledger.open(this);
  }

  get isChoked(): boolean {
    return this.link.isChoked;
  }

  credit(_grant: Grant, tokens: number): void {
    if (this.due === 0 && this.dueReclaim === 0) this.link.due(this);
    this.due += tokens;
  }

  reclaim(_grant: Grant, tokens: number): void {
    if (this.due === 0 && this.dueReclaim === 0) this.link.due(this);
    this.dueReclaim += tokens;
  }
}
