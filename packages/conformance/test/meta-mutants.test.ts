import {
  ALL_CASES,
  type CaseContext,
  type CaseResult,
  type ConformanceCase,
  History,
  harnessFromUrl,
  runConformance,
} from "@trunkline/conformance";
import type { DriverFactory } from "@trunkline/core/driver";
import { driver } from "@trunkline/fake";
import { describe, expect, test } from "vitest";
import { changedDelivery } from "../src/mutants/pass-on.js";
import { wrapDriver, wrapFactory } from "../src/mutants/wrap.js";
import { misjudged } from "./support/known-histories.js";

/** A checker that forgets what it saw before: the first fault that blinds a kit. */
class DedupingHistory extends History {
  override handled(id: string, consumer: string, attempt?: number): void {
    if (this.countOf(id) === 0) super.handled(id, consumer, attempt);
  }
}

/** A checker that looks no further once as many were handled as were sent. */
class StoppingHistory extends History {
  override handled(id: string, consumer: string, attempt?: number): void {
    if (this.handlings.length < this.sends.length) super.handled(id, consumer, attempt);
  }
}

/** A fence that says that its sentinel went out, and sends none. */
class UnfencedHistory extends History {
  override record<Result>(
    id: string,
    scope: Parameters<History["record"]>[1],
    send: () => Promise<Result>,
    sender?: string,
  ): Promise<Result | undefined> {
    return id === "fence"
      ? super.record(id, scope, async () => undefined, sender)
      : super.record(id, scope, send, sender);
  }
}

/** The cases with these ids, run with something of their context replaced. */
function casesWith(ids: readonly string[], replaced: (t: CaseContext) => Partial<CaseContext>): ConformanceCase[] {
  const cases = ALL_CASES.filter(({ id }) => ids.includes(id));
  expect(cases).toHaveLength(ids.length);
  return cases.map((one) => ({
    ...one,
    run(t) {
      const other = replaced(t);
      const context = new Proxy(t, {
        get(target, key) {
          if (Object.hasOwn(other, key)) return Reflect.get(other, key);
          const value: unknown = Reflect.get(target, key, target);
          return typeof value === "function" ? value.bind(target) : value;
        },
        set: (target, key, value) => Reflect.set(target, key, value, target),
      });
      return one.run(context);
    },
  }));
}

function judgedBy(kind: new (onHandled: () => void) => History): (t: CaseContext) => Partial<CaseContext> {
  return (t) => ({ history: () => new kind(() => t.saw()) });
}

async function run(cases: readonly ConformanceCase[], factory: DriverFactory = driver): Promise<readonly CaseResult[]> {
  const timing = { waitMs: 1_000, idleMs: 200 };
  const harness = harnessFromUrl("fake://meta-mutants?discoveryMs=50", { drivers: [factory], timing });
  return (await runConformance({ harness, cases, seed: 7 })).cases;
}

const verdictsOf = (results: readonly CaseResult[]): string[] => results.map(({ id, verdict }) => `${id} ${verdict}`);

/** Hands each cast to its server's handler twice. */
function handsOnTwice(factory: DriverFactory): DriverFactory {
  return wrapFactory(factory, (inner) =>
    wrapDriver(inner, {
      listen: (what, deliver, options) =>
        inner.listen(
          what,
          (delivery) => {
            deliver(delivery);
            if (!delivery.wantsReply) deliver(changedDelivery(delivery, { take: () => true, settle() {} }));
          },
          options,
        ),
    }),
  );
}

test("the checker judges every known history right", () => {
  expect(misjudged(() => new History())).toEqual([]);
});

describe("a checker that drops what it saw before", () => {
  test("misjudges what is known", () => {
    expect(misjudged(() => new DedupingHistory())).toContain("one is handled twice by its server");
  });

  test("lets a driver pass that hands every cast on twice, which the checker of the kit does not", async () => {
    const ids = ["CAST-02", "CAST-03"];
    const blind = await run(casesWith(ids, judgedBy(DedupingHistory)), handsOnTwice(driver));
    expect(verdictsOf(blind)).toEqual(["CAST-02 pass", "CAST-03 pass"]);
    const seeing = await run(casesWith(ids, judgedBy(History)), handsOnTwice(driver));
    expect(verdictsOf(seeing)).toEqual(["CAST-02 fail", "CAST-03 fail"]);
    expect(seeing[0]?.detail).toContain("duplicate: m0 (2 times, at s1)");
  });
});

describe("a checker that stops when as many were handled as were sent", () => {
  test("misjudges what is known: each late comer", () => {
    expect(misjudged(() => new StoppingHistory())).toEqual(
      expect.arrayContaining([
        "one is handled by two that share",
        "a late comer after all that was sent: one who should not have it",
        "one that nobody sent",
      ]),
    );
  });
});

test("a fence that never sends its sentinel fails each case that has one, and is named", async () => {
  const ids = ["CALL-01", "CALL-09", "CAST-02", "ADDR-03", "ERR-08", "TIME-07", "RQ-01"];
  const results = await run(casesWith(ids, judgedBy(UnfencedHistory)));
  expect(results.filter(({ verdict }) => verdict !== "fail")).toEqual([]);
  for (const { id, detail } of results) expect(`${id}: ${detail}`).toMatch(/fence/);
});

describe("a case whose handler is never called", () => {
  test("is vacuous where it asks for nothing else, and its run has not passed", async () => {
    const vain: ConformanceCase = {
      ...{ id: "VAIN-1", title: "waits for an event that it sends elsewhere", group: "notifications" },
      ...{ clauses: ["C1"], needs: ["events"] },
      async run(t) {
        const seen = await t.open();
        await t.listen(seen, t.name("here"), { info: () => t.saw() });
        await seen.notifier({ publisherId: "kit", topics: [t.name("elsewhere")] }).info("kit.event");
        await t.quiet();
      },
    };
    const [result] = await run([vain]);
    expect(result).toMatchObject({ verdict: "vacuous", evidence: 0 });
  });

  test("never passes where it is one of the kit's: servers that begin and listeners that listen, to nothing", async () => {
    const ids = ["CALL-01", "CAST-01", "CAST-02", "FAN-01", "NOTE-02", "POOL-01", "BATCH-02", "ORD-02", "CTX-01"];
    const deaf = casesWith(ids, (t) => ({
      serve: (transport, target, endpoints, options) =>
        t.serve(transport, { ...target, topic: `${target.topic}-elsewhere` }, endpoints, options),
      listen: (transport, _topics, endpoints, options) => t.listen(transport, t.name("elsewhere"), endpoints, options),
      listenBatches: (transport, _topics, endpoints, options) =>
        t.listenBatches(transport, t.name("elsewhere"), endpoints, options),
    }));
    const results = await run(deaf);
    expect(results).toHaveLength(ids.length);
    expect(results.filter(({ verdict }) => verdict === "pass")).toEqual([]);
  });
});
