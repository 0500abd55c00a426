import {
  type BooleanCapability,
  CAPABILITY_KEYS,
  type Capabilities,
  InvalidArgumentError,
  NotSupportedError,
  type Requirements,
  type Transport,
} from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { check, sameValue } from "../check.js";
import { claimsThatDiffer, contradictionsOf } from "../claims.js";
import type { CaseContext } from "../context.js";

/** Words of graded keys, weakest first, with the path in the manifest. */
const GRADES: readonly {
  readonly key: keyof Capabilities;
  readonly part?: string;
  readonly words: readonly string[];
}[] = [
  { key: "acceptance", part: "casts", words: ["transport", "broker", "durable"] },
  { key: "acceptance", part: "events", words: ["transport", "broker", "durable"] },
  { key: "undeliverable", words: ["none", "no-queue", "no-listener"] },
  { key: "peerDeath", words: ["none", "monitored", "detected"] },
  { key: "ordering", words: ["none", "per-target"] },
  { key: "eventContext", words: ["listed", "filtered"] },
];

/** Where an unclaimed capability is asked for first, and must be refused. `require` is the ask-point of the others. */
function asksFor(key: BooleanCapability, t: CaseContext, transport: Transport): (() => unknown)[] {
  const topic = t.name("refused");
  const rpc = t.claims.rpc;
  const events = t.claims.events;
  const asks: Partial<Record<BooleanCapability, (() => unknown)[]>> = {
    rpc: [() => transport.client({ topic }), () => transport.serve({ topic, server: "s1" }, { echo: () => null })],
    events: [() => transport.notifier({ publisherId: "kit" }), () => transport.listen([{ topic }], { info: () => {} })],
    fanout: rpc ? [() => transport.client({ topic, fanout: true }).cast("note")] : [],
    serverDirected: rpc ? [() => transport.client({ topic, server: "s1" }).cast("note")] : [],
    exchanges: [() => asksForASecondExchange(t, transport, topic)],
    exactNames: [
      ...(rpc
        ? [
            () => transport.client({ topic: "#" }).cast("note"),
            () => transport.serve({ topic: "#", server: "s1" }, { echo: () => null }),
          ]
        : []),
      ...(events
        ? [
            () => transport.notifier({ publisherId: "kit", topics: ["#"] }).info("kit.event"),
            () => transport.listen([{ topic: "#" }], { info: () => {} }),
          ]
        : []),
    ],
    callMonitor: rpc ? [() => transport.client({ topic }, { monitorMs: 1_000 })] : [],
    pools: events ? [() => transport.listen([{ topic }], { info: () => {} }, { pool: "p" })] : [],
    requeue: events ? [() => transport.listen([{ topic }], { info: () => {} }, { onError: "requeue" })] : [],
    batches: events ? [() => transport.listen([{ topic }], { info: () => {} }, { batch: { size: 2 } })] : [],
  };
  // A requirement of one boolean; the computed key is one of the manifest's own.
  const needs = { [key]: true } as Requirements;
  return [...(asks[key] ?? []), () => transport.require(needs)];
}

/** A topic on one exchange, which must work, and the same one on another, which must not. */
async function asksForASecondExchange(t: CaseContext, transport: Transport, topic: string): Promise<void> {
  const second = { topic, exchange: t.name("other") };
  if (t.claims.rpc) {
    await t.serve(transport, { topic, server: "s1" }, { echo: () => null });
    await transport.serve({ ...second, server: "s1" }, { echo: () => null });
  } else {
    await t.listen(transport, topic, { info: () => {} });
    await transport.listen([second], { info: () => {} });
  }
}

function booleanKeys(claims: Capabilities): BooleanCapability[] {
  // Exactly the boolean members are booleans.
  return CAPABILITY_KEYS.filter((key) => typeof claims[key] === "boolean") as BooleanCapability[];
}

function isHeldTo(what: string, own: Capabilities, held: Capabilities): void {
  const differing = claimsThatDiffer(held, own);
  check(differing.length === 0, `${what}: ${differing.join("; ")}`);
}

/** H: the manifest is data that can be relied on: complete, frozen, consistent, and what `require` says. */
export const manifestCases: readonly ConformanceCase[] = [
  {
    id: "MAN-01",
    title: "the manifest is what the driver is held to, frozen, and equal for every transport, used or not",
    group: "manifest",
    clauses: ["H"],
    needs: [],
    needsNoEvidence: true,
    async run(t) {
      const [first, second] = [await t.open(), await t.open()];
      for (const { capabilities } of [first, second]) {
        isHeldTo("the manifest", capabilities, t.claims);
        check(Object.isFrozen(capabilities), "the manifest can be changed");
        for (const value of Object.values(capabilities))
          check(Object.isFrozen(value), "a part of the manifest can be changed");
      }
      await t.within("close()", second.close());
      isHeldTo("the manifest after close()", second.capabilities, t.claims);
    },
  },
  {
    id: "MAN-02",
    title: "the manifest has every key that this kit knows, and no other",
    group: "manifest",
    clauses: ["H"],
    needs: [],
    needsNoEvidence: true,
    async run(t) {
      const { capabilities } = await t.open();
      const keys = Object.keys(capabilities);
      const known: readonly string[] = CAPABILITY_KEYS;
      const strange = keys.filter((key) => !known.includes(key));
      check(strange.length === 0, `unknown to this kit: ${strange.join(", ")}; take a kit that fits the driver's core`);
      const missing = known.filter((key) => !keys.includes(key));
      check(missing.length === 0, `missing: ${missing.join(", ")}; build the driver against the core of this kit`);
    },
  },
  {
    id: "MAN-04",
    title: "every boolean that is not claimed is refused where it is first asked for, with code, capability and driver",
    group: "manifest",
    clauses: ["G", "H"],
    needs: [],
    needsNoEvidence: true,
    async run(t) {
      const transport = await t.open();
      for (const key of booleanKeys(t.claims).filter((name) => !t.claims[name])) {
        for (const ask of asksFor(key, t, transport)) {
          const error = await t.refuses(`asking for ${key}`, ask, NotSupportedError);
          sameValue("the code", error.code, "ERR_NOT_SUPPORTED");
          sameValue("the capability", error.capability, key);
          sameValue("the driver", error.driver, transport.driverName);
        }
      }
    },
  },
  {
    id: "MAN-05",
    title: "what a claim implies is claimed too",
    group: "manifest",
    clauses: ["H"],
    needs: [],
    needsNoEvidence: true,
    async run(t) {
      const { capabilities } = await t.open();
      for (const [whose, claims] of [
        ["the driver's manifest", capabilities],
        ["what it is held to", t.claims],
      ] as const) {
        const problems = contradictionsOf(claims);
        check(problems.length === 0, `${whose}: ${problems.join("; ")}`);
      }
    },
  },
  {
    id: "MAN-06",
    title: "require() agrees with the manifest for every key, both ways, and refuses keys that no manifest has",
    group: "manifest",
    clauses: ["H"],
    needs: [],
    async run(t) {
      const transport = await t.open();
      const agrees = async (needs: object, isMet: boolean, key: string): Promise<void> => {
        // Requirements made from the manifest's own keys and words.
        const ask = (): void => transport.require(needs as Requirements);
        t.saw();
        if (isMet) ask();
        else
          sameValue("the capability", (await t.refuses(JSON.stringify(needs), ask, NotSupportedError)).capability, key);
      };
      for (const key of booleanKeys(t.claims)) {
        await agrees({ [key]: true }, t.claims[key], key);
        await agrees({ [key]: false }, true, key);
      }
      for (const { key, part, words } of GRADES) {
        const whole: unknown = t.claims[key];
        const has = String(part === undefined ? whole : Object(whole)[part]);
        for (const [strength, word] of words.entries()) {
          await agrees({ [key]: part === undefined ? word : { [part]: word } }, strength <= words.indexOf(has), key);
        }
      }
      for (const key of ["detectionMs", "joinLatencyMs", "recoveryMs"] as const) {
        await agrees({ [key]: t.claims[key] }, true, key);
        await agrees({ [key]: t.claims[key] - 1 }, false, key);
      }
      await agrees({ maxMessageBytes: t.claims.maxMessageBytes }, true, "maxMessageBytes");
      await agrees({ maxMessageBytes: t.claims.maxMessageBytes + 1 }, false, "maxMessageBytes");
      await agrees({ duplicateWindow: t.claims.duplicateWindow }, true, "duplicateWindow");
      await agrees({ duplicateWindow: { ids: t.claims.duplicateWindow.ids + 1 } }, false, "duplicateWindow");
      await agrees({ backpressure: t.claims.backpressure }, true, "backpressure");
      // A key that the type forbids, as a JavaScript program may write it.
      const strange = { noSuchKey: true } as Requirements;
      await t.refuses("an unknown key", () => transport.require(strange), InvalidArgumentError);
    },
  },
  {
    id: "MAN-R1",
    title: "auth not claimed: requiring it at start-up is refused, naming the key",
    group: "manifest",
    clauses: ["F3", "H"],
    needs: ["!auth"],
    async run(t) {
      await t.refusesToRequire({ auth: true }, "auth");
    },
  },
];

/** Looks back at the whole run. */
export const manifestReviewCases: readonly ConformanceCase[] = [
  {
    id: "MAN-03",
    title: "every boolean that is claimed was proven by a case that ran and saw something",
    group: "review",
    clauses: ["H"],
    needs: [],
    isReview: true,
    async run(t) {
      const unproven: string[] = [];
      for (const key of booleanKeys(t.claims).filter((name) => t.claims[name])) {
        const proofs = t.prior.results.filter(({ proves, kind }) => kind === "positive" && proves.includes(key));
        if (proofs.some(({ verdict, evidence }) => verdict === "pass" && evidence > 0)) t.saw();
        else if (!proofs.some(({ verdict }) => verdict === "fail" || verdict === "deviation")) unproven.push(key);
      }
      if (unproven.length === 0) return;
      t.isUnproven = true;
      t.note(`claimed, and proven by no case of this run: ${unproven.join(", ")}`);
    },
  },
];
