/**
 * Credit as tokens that are conserved (B13): a listener has `total` of them, each one free here, granted to a link, or in
 * hand with a message. A link sends a message only with a token, so that however many clients there are, no more than
 * `total` messages are ever on their way or in hand.
 *
 * A pure state machine: what is to be told to a link goes through its {@link GrantPort}.
 */

/** How the ledger speaks to a link. Both are called synchronously and must not call back. */
export interface GrantPort {
  /** More tokens for the link. */
  credit(grant: Grant, tokens: number): void;
  /** The link is asked to give back up to so many that it does not use. It answers with RETURN, of 0 where it has none. */
  reclaim(grant: Grant, tokens: number): void;
  /** Whether the link cannot take more for now: it does not read what it is sent. */
  readonly isChoked: boolean;
}

/** What one link holds of one listener's credit. */
export class Grant {
  readonly ledger: CreditLedger;
  readonly port: GrantPort;
  /** Granted, and neither used nor returned as far as is known here. */
  outstanding = 0;
  /** How many messages wait at the other side for a token. */
  wanted = 0;
  /** Asked to give tokens back, and not yet answered. */
  isReclaiming = false;
  /** It takes long to answer: others are asked as if it held nothing. */
  isSlow = false;
  hasEnded = false;

  constructor(ledger: CreditLedger, port: GrantPort) {
    this.ledger = ledger;
    this.port = port;
  }
}

export class CreditLedger {
  #total: number;
  #free: number;
  /** Tokens to be withdrawn, when a smaller total finds them in use. */
  #excess = 0;
  #inHand = 0;
  readonly #grants: Set<Grant> = new Set();
  /** Those who wait, the longest first; each gets one token a turn. */
  #wanting: Grant[] = [];

  constructor(total: number) {
    this.#total = total;
    this.#free = total;
  }

  get total(): number {
    return this.#total;
  }

  get free(): number {
    return this.#free;
  }

  get inHand(): number {
    return this.#inHand;
  }

  /** Tokens that links hold. With those free and in hand they make `total` and what is still to be withdrawn. */
  get outstanding(): number {
    let sum = 0;
    for (const grant of this.#grants) sum += grant.outstanding;
    return sum;
  }

  get excess(): number {
    return this.#excess;
  }

  /** A new link: it begins with half of what is free, which it need not ask for. Its first tokens are told by the caller. */
  open(port: GrantPort): Grant {
    const grant = new Grant(this, port);
    this.#grants.add(grant);
    const first = Math.ceil(this.#free / 2);
    this.#free -= first;
    grant.outstanding = first;
    return grant;
  }

  /** A message came. False: it came without a token, which no honest peer does. */
  use(grant: Grant): boolean {
    if (grant.outstanding === 0) return false;
    grant.outstanding--;
    this.#inHand++;
    return true;
  }

  /** A message was settled. Its token goes back to the link it came from, so that a lone client never waits, unless another waits. */
  release(grant: Grant): void {
    this.#inHand--;
    if (this.#excess > 0) {
      this.#excess--;
      return;
    }
    if (this.#wanting.length === 0 && !grant.hasEnded && !grant.port.isChoked) {
      this.#give(grant, 1);
      return;
    }
    this.#free++;
    this.#distribute();
  }

  /** The link has so many messages waiting. The count replaces what it said before. */
  want(grant: Grant, messages: number): void {
    if (grant.hasEnded) return;
    if (messages > 0 && grant.wanted === 0) this.#wanting.push(grant);
    grant.wanted = messages;
    if (messages === 0) this.#wanting = this.#wanting.filter((other) => other !== grant);
    this.#distribute();
    this.#reclaim();
  }

  /** The link gives tokens back. False: more than it had. */
  returned(grant: Grant, tokens: number): boolean {
    grant.isReclaiming = false;
    grant.isSlow = false;
    if (tokens > grant.outstanding) return false;
    grant.outstanding -= tokens;
    this.#takeBack(tokens);
    return true;
  }

  /** The link reads again. */
  unchoked(): void {
    this.#distribute();
  }

  /** To be called every second: who was asked for tokens and has not answered keeps nobody waiting whom others could help. */
  lookAgain(): void {
    let hasNews = false;
    for (const grant of this.#grants) {
      if (!grant.isReclaiming || grant.isSlow) continue;
      grant.isSlow = true;
      hasNews = true;
    }
    if (hasNews) this.#reclaim();
  }

  /** The link has ended: what it held is free; what it had sent stays in hand until it is settled. */
  end(grant: Grant): void {
    if (grant.hasEnded) return;
    grant.hasEnded = true;
    this.#grants.delete(grant);
    this.#wanting = this.#wanting.filter((other) => other !== grant);
    const tokens = grant.outstanding;
    grant.outstanding = 0;
    grant.wanted = 0;
    this.#takeBack(tokens);
  }

  /** A larger total is given out at once; a smaller one holds for what is granted from now on. */
  resize(total: number): void {
    const change = total - this.#total;
    this.#total = total;
    if (change >= 0) {
      const kept = Math.min(change, this.#excess);
      this.#excess -= kept;
      this.#free += change - kept;
      this.#distribute();
      return;
    }
    const freed = Math.min(-change, this.#free);
    this.#free -= freed;
    this.#excess += -change - freed;
    this.#reclaim();
  }

  #takeBack(tokens: number): void {
    const withdrawn = Math.min(tokens, this.#excess);
    this.#excess -= withdrawn;
    this.#free += tokens - withdrawn;
    this.#distribute();
    this.#reclaim();
  }

  #give(grant: Grant, tokens: number): void {
    grant.outstanding += tokens;
    if (grant.wanted > 0) {
      grant.wanted = Math.max(0, grant.wanted - tokens);
      if (grant.wanted === 0) this.#wanting = this.#wanting.filter((other) => other !== grant);
    }
    grant.port.credit(grant, tokens);
  }

  /** Gives what is free to those who wait, in equal turns. */
  #distribute(): void {
    let choked = 0;
    while (this.#free > 0 && this.#wanting.length > choked) {
      const grant = this.#wanting.shift();
      if (grant === undefined) return;
      this.#wanting.push(grant);
      if (grant.port.isChoked) {
        choked++;
        continue;
      }
      choked = 0;
      const share = Math.max(1, Math.floor(this.#free / this.#wanting.length));
      const tokens = Math.min(share, grant.wanted, this.#free);
      this.#free -= tokens;
      this.#give(grant, tokens);
    }
  }

  /** Asks those who hold tokens they do not wait with to give them back, where others wait and nothing is free. */
  #reclaim(): void {
    let needed = this.#excess;
    for (const grant of this.#wanting) needed += grant.wanted;
    needed -= this.#free;
    if (needed <= 0) return;
    for (const grant of this.#grants) {
      if (grant.isReclaiming && !grant.isSlow) needed -= grant.outstanding;
    }
    for (const grant of this.#grants) {
      if (needed <= 0) return;
      if (grant.isReclaiming || grant.outstanding === 0 || (grant.wanted > 0 && this.#excess === 0)) continue;
      const tokens = Math.min(needed, grant.outstanding);
      needed -= tokens;
      grant.isReclaiming = true;
      grant.port.reclaim(grant, tokens);
    }
  }
}
