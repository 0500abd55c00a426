import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CreditLedger, type Grant, type GrantPort } from "../../src/serving/credit-ledger.js";
import { newCast } from "../support/lines.js";
import { contentOf, Session } from "../support/session.js";

class Port implements GrantPort {
  isChoked = false;
  credited = 0;
  reclaimed: number[] = [];

  credit(_grant: Grant, tokens: number): void {
    this.credited += tokens;
  }

  reclaim(_grant: Grant, tokens: number): void {
    this.reclaimed.push(tokens);
  }
}

function opened(ledger: CreditLedger): { readonly grant: Grant; readonly port: Port } {
  const port = new Port();
  return { grant: ledger.open(port), port };
}

describe("one link", () => {
  test("begins with half, rounded up, of what is free", () => {
    const ledger = new CreditLedger(5);
    expect(
      [opened(ledger), opened(ledger), opened(ledger), opened(ledger)].map(({ grant }) => grant.outstanding),
    ).toEqual([3, 1, 1, 0]);
    expect(ledger.free).toBe(0);
  });

  test("uses a token a message, and none that it has not", () => {
    const ledger = new CreditLedger(2);
    const { grant } = opened(ledger);
    expect([ledger.use(grant), ledger.use(grant)]).toEqual([true, false]);
    expect([ledger.inHand, ledger.outstanding, ledger.free]).toEqual([1, 0, 1]);
  });

  test("gets its token back when the message is settled, unless another waits", () => {
    const ledger = new CreditLedger(2);
    const one = opened(ledger);
    const other = opened(ledger);
    ledger.use(one.grant);
    ledger.release(one.grant);
    expect([one.port.credited, one.grant.outstanding]).toEqual([1, 1]);
    ledger.use(one.grant);
    ledger.use(other.grant);
    ledger.want(other.grant, 1);
    ledger.release(one.grant);
    expect([one.grant.outstanding, other.port.credited, other.grant.outstanding]).toEqual([0, 1, 1]);
  });

  test("that reads nothing gets none, until it does", () => {
    const ledger = new CreditLedger(2);
    const { grant, port } = opened(ledger);
    ledger.use(grant);
    port.isChoked = true;
    ledger.want(grant, 3);
    ledger.release(grant);
    expect([port.credited, ledger.free]).toEqual([0, 2]);
    port.isChoked = false;
    ledger.unchoked();
    expect([port.credited, ledger.free]).toEqual([2, 0]);
  });

  test("that reads nothing is not given back its token either", () => {
    const ledger = new CreditLedger(2);
    const { grant, port } = opened(ledger);
    ledger.use(grant);
    port.isChoked = true;
    ledger.release(grant);
    expect([port.credited, ledger.free, grant.outstanding]).toEqual([0, 2, 0]);
  });

  test("that has ended leaves its tokens, but for those in hand", () => {
    const ledger = new CreditLedger(4);
    const { grant } = opened(ledger);
    ledger.use(grant);
    ledger.end(grant);
    ledger.end(grant);
    ledger.want(grant, 5);
    expect([ledger.free, ledger.inHand, ledger.outstanding]).toEqual([3, 1, 0]);
    ledger.release(grant);
    expect([ledger.free, ledger.inHand]).toEqual([4, 0]);
  });

  test("cannot give back more than it has", () => {
    const ledger = new CreditLedger(4);
    const { grant } = opened(ledger);
    expect(ledger.returned(grant, 3)).toBe(false);
    expect(ledger.returned(grant, 2)).toBe(true);
    expect([ledger.free, grant.outstanding]).toEqual([4, 0]);
  });
});

describe("several links", () => {
  test("that wait share what is free, and take turns for what comes", () => {
    const ledger = new CreditLedger(12);
    const holder = opened(ledger);
    for (let token = 0; token < 6; token++) ledger.use(holder.grant);
    const waiting = [opened(ledger), opened(ledger), opened(ledger)];
    for (const { grant } of waiting) while (ledger.use(grant));
    const before = waiting.map(({ port }) => port.credited);
    for (const { grant } of waiting) ledger.want(grant, 100);
    for (let message = 0; message < 6; message++) ledger.release(holder.grant);
    const got = waiting.map(({ port }, index) => port.credited - (before[index] ?? 0));
    expect(Math.max(...got) - Math.min(...got)).toBeLessThanOrEqual(1);
    expect(got.reduce((sum, tokens) => sum + tokens, 0) + ledger.inHand).toBe(12);
  });

  test("are asked for what they do not use, no more than is needed, and once", () => {
    const ledger = new CreditLedger(8);
    const [idle, idler, busy] = [opened(ledger), opened(ledger), opened(ledger)];
    expect([idle, idler, busy].map(({ grant }) => grant.outstanding)).toEqual([4, 2, 1]);
    ledger.want(busy.grant, 6);
    ledger.want(busy.grant, 5);
    expect([busy.port.credited, idle.port.reclaimed, idler.port.reclaimed]).toEqual([1, [4], [1]]);
    ledger.returned(idle.grant, 4);
    expect([busy.port.credited, idler.port.reclaimed]).toEqual([5, [1]]);
    // It had none when it was asked: what it used is on its way. It is asked again for what is still needed.
    ledger.returned(idler.grant, 0);
    expect(idler.port.reclaimed).toEqual([1, 1]);
    ledger.returned(idler.grant, 1);
    expect([busy.port.credited, idler.port.reclaimed, ledger.free]).toEqual([6, [1, 1], 0]);
  });

  test("those that wait themselves are not asked", () => {
    const ledger = new CreditLedger(4);
    const one = opened(ledger);
    ledger.want(one.grant, 9);
    const other = opened(ledger);
    ledger.want(other.grant, 9);
    expect([one.grant.outstanding, one.port.reclaimed, other.port.reclaimed]).toEqual([4, [], []]);
  });
});

describe("another total", () => {
  test("that is larger goes to those who wait", () => {
    const ledger = new CreditLedger(1);
    const { grant, port } = opened(ledger);
    ledger.want(grant, 5);
    ledger.resize(4);
    expect([port.credited, ledger.free, ledger.total]).toEqual([3, 0, 4]);
  });

  test("that is smaller is taken from what is free, then back from links, then as messages are settled", () => {
    const ledger = new CreditLedger(8);
    const { grant, port } = opened(ledger);
    ledger.use(grant);
    ledger.resize(2);
    expect([ledger.free, ledger.excess, port.reclaimed]).toEqual([0, 2, [2]]);
    ledger.returned(grant, 1);
    expect([ledger.free, ledger.excess]).toEqual([0, 1]);
    ledger.release(grant);
    expect([ledger.excess, ledger.inHand, ledger.outstanding]).toEqual([0, 0, 2]);
  });

  test("that is made less and more again is as if nothing had been", () => {
    const ledger = new CreditLedger(8);
    const { grant } = opened(ledger);
    ledger.resize(2);
    ledger.resize(8);
    expect([ledger.excess, ledger.free, grant.outstanding]).toEqual([0, 4, 4]);
  });
});

type Step = { readonly type: string; readonly link: number; readonly amount: number };

const step: fc.Arbitrary<Step> = fc.record({
  type: fc.constantFrom(
    ...[
      "open",
      "use",
      "use",
      "use",
      "release",
      "release",
      "want",
      "want",
      "return",
      "end",
      "resize",
      "choke",
      "unchoke",
    ],
  ),
  link: fc.nat(1_000),
  amount: fc.nat(12),
});

test("tokens are conserved, and nobody who can take one waits while one is free, whatever happens", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.array(step, { maxLength: 120 }), (total, steps) => {
      const ledger = new CreditLedger(total);
      const links: { readonly grant: Grant; readonly port: Port }[] = [];
      const inHand: Grant[] = [];
      for (const { type, link, amount } of steps) {
        if (type === "open") links.push(opened(ledger));
        else if (type === "resize") ledger.resize(Math.max(1, amount));
        else if (type === "release") {
          const [grant] = inHand.splice(link % Math.max(1, inHand.length), 1);
          if (grant !== undefined) ledger.release(grant);
        } else {
          const chosen = links[link % Math.max(1, links.length)];
          if (chosen === undefined) continue;
          const { grant, port } = chosen;
          if (type === "want") ledger.want(grant, amount);
          else if (type === "choke") port.isChoked = true;
          else if (type === "unchoke") {
            port.isChoked = false;
            ledger.unchoked();
          } else if (type === "end") ledger.end(grant);
          else if (grant.hasEnded) continue;
          else if (type === "return") ledger.returned(grant, Math.min(amount, grant.outstanding));
          else if (ledger.use(grant)) inHand.push(grant);
        }
        const { free, outstanding, excess } = ledger;
        expect(free + outstanding + ledger.inHand).toBe(ledger.total + excess);
        expect(ledger.inHand).toBe(inHand.length);
        expect(Math.min(free, excess, ...links.map(({ grant }) => grant.outstanding))).toBeGreaterThanOrEqual(0);
        const waits = links.some(({ grant, port }) => grant.wanted > 0 && !port.isChoked && !grant.hasEnded);
        expect(waits && free > 0, `${free} free while one waits`).toBe(false);
      }
    }),
    { numRuns: 500 },
  );
});

test("a total that was made less is reached, as soon as links answer and messages are settled", () => {
  fc.assert(
    fc.property(
      fc.nat(20),
      fc.integer({ min: 1, max: 10 }),
      fc.array(fc.nat(5), { maxLength: 5 }),
      (more, total, uses) => {
        const ledger = new CreditLedger(total + more);
        const links = uses.map(() => opened(ledger));
        const inHand: Grant[] = [];
        for (const [index, { grant }] of links.entries()) {
          for (let use = 0; use < (uses[index] ?? 0); use++) if (ledger.use(grant)) inHand.push(grant);
        }
        ledger.resize(total);
        for (let round = 0; round < 50; round++) {
          for (const { grant, port } of links) {
            for (const asked of port.reclaimed.splice(0)) ledger.returned(grant, Math.min(asked, grant.outstanding));
          }
        }
        for (const grant of inHand) ledger.release(grant);
        for (const { grant, port } of links) {
          for (const asked of port.reclaimed.splice(0)) ledger.returned(grant, Math.min(asked, grant.outstanding));
        }
        expect([ledger.excess, ledger.free + ledger.outstanding]).toEqual([0, total]);
      },
    ),
  );
});

test("with real dialers, however many and however little credit, every message is delivered in its sender's order", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 4 }),
      fc.infiniteStream(fc.nat(1_000)),
      async (credit, counts, choices) => {
        const first = new Session();
        const { local, deliveries } = first.listen({ credit });
        const sessions = [first, ...counts.slice(1).map(() => new Session())];
        for (const session of sessions) {
          session.process.byId.set(local.id, local);
          await session.open();
        }
        for (const [sender, session] of sessions.entries()) {
          for (let n = 0; n < (counts[sender] ?? 0); n++) {
            session.owner.line.post(newCast(session.owner.line, { sender, n }).cast);
          }
        }
        const total = counts.reduce((sum, count) => sum + count, 0);
        const open: number[] = [];
        let seen = 0;
        for (let round = 0; round < 4 * total + 20 && (seen < total || open.length > 0); round++) {
          for (const session of sessions) await session.settle();
          for (; seen < deliveries.length; seen++) open.push(seen);
          expect(open.length).toBeLessThanOrEqual(credit);
          const choice = choices.next();
          const [settled] = open.splice((choice.done === true ? 0 : choice.value) % Math.max(1, open.length), 1);
          if (settled !== undefined) deliveries[settled]?.settle("done");
        }
        const got = deliveries.map(contentOf);
        for (const [sender, count] of counts.entries()) {
          expect(got.filter((params) => (params as { sender: number }).sender === sender)).toEqual(
            Array.from({ length: count }, (_, n) => ({ sender, n })),
          );
        }
      },
    ),
    { numRuns: 25 },
  );
});
