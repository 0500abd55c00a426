import type { History, Judgement } from "@trunkline/conformance";

/** A history of which it is known what is wrong with it. */
export interface KnownHistory {
  readonly what: string;
  fill(history: History): void;
  /** How many messages are wrong in which way; nothing else is. */
  readonly flaws: { readonly [Flaw in Exclude<keyof Judgement, "sent" | "handled">]?: number };
}

/** Sends `m0` to `m9`, each for one of two servers, which handle them in turns. */
function tenSent(history: History): void {
  for (let n = 0; n < 10; n++) {
    history.ok(history.invoke(`m${n}`, [["s1", "s2"]]));
    history.handled(`m${n}`, n % 2 === 0 ? "s1" : "s2");
  }
}

/** What a checker must tell apart. */
export const KNOWN_HISTORIES: readonly KnownHistory[] = [
  { what: "ten messages, each handled once", fill: tenSent, flaws: {} },
  {
    what: "one is never handled",
    fill(history) {
      tenSent(history);
      history.ok(history.invoke("lost", [["s1", "s2"]]));
    },
    flaws: { missing: 1 },
  },
  {
    what: "one is handled twice by its server",
    fill(history) {
      history.ok(history.invoke("m", [["s1"]]));
      history.handled("m", "s1");
      history.handled("m", "s1");
      tenSent(history);
    },
    flaws: { duplicate: 1 },
  },
  {
    what: "one is handled by two that share",
    fill(history) {
      tenSent(history);
      history.handled("m3", "s1");
    },
    flaws: { duplicate: 1 },
  },
  {
    what: "one is handled twice, and another never: as many handlings as there should be",
    fill(history) {
      history.ok(history.invoke("twice", [["s1"]]));
      history.ok(history.invoke("never", [["s1"]]));
      history.handled("twice", "s1");
      history.handled("twice", "s1");
    },
    flaws: { duplicate: 1, missing: 1 },
  },
  {
    what: "a late comer after all that was sent: one who should not have it",
    fill(history) {
      tenSent(history);
      history.handled("m0", "stranger");
    },
    flaws: { misrouted: 1 },
  },
  {
    what: "a message that was refused, handled after all that was sent",
    fill(history) {
      tenSent(history);
      const send = history.invoke("refused", [["s1"]]);
      send.state = "fail";
      history.handled("m9", "stranger");
      history.handled("refused", "s1");
    },
    flaws: { misrouted: 1, unexpected: 1, rejected: 1 },
  },
  {
    what: "one that nobody sent",
    fill(history) {
      tenSent(history);
      history.handled("ghost", "s1");
    },
    flaws: { unexpected: 1 },
  },
];

/** Which of the known histories a checker gets wrong. */
export function misjudged(make: () => History): readonly string[] {
  return KNOWN_HISTORIES.filter(({ fill, flaws }) => {
    const history = make();
    fill(history);
    const { sent: _sent, handled: _handled, ...lists } = history.judge();
    const counts = Object.entries(lists).flatMap(([flaw, ids]) => (ids.length === 0 ? [] : [[flaw, ids.length]]));
    return JSON.stringify(counts.toSorted()) !== JSON.stringify(Object.entries(flaws).toSorted());
  }).map(({ what }) => what);
}
