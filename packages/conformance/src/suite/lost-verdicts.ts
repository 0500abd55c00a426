import { type NotificationEndpoint, REQUEUE } from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { sameValue } from "../check.js";
import { type CaseContext, pause } from "../context.js";
import { eventId, eventProbe } from "../probes.js";

const BETWEEN_PROBES_MS = 20;

/** B10, E5: an event whose verdict could not be told, because the link was lost, and that comes to the same listener again. */
export const lostVerdictCases: readonly ConformanceCase[] = [
  {
    id: "FLT-23",
    title:
      "every link is lost while events are handled: the same listener handles none of them again, but for one that it asked for",
    group: "faults",
    clauses: ["B10", "C4", "E5"],
    needs: ["events", "ability:cuts"],
    timeoutMs: 60_000,
    run: (t) => losesVerdicts(t, { cut: () => t.cutLinks(), request: {} }),
  },
  {
    id: "FLT-24",
    title:
      "the link is cut while events are handled: the same listener handles none of them again, but for one that it asked for",
    group: "faults",
    clauses: ["B10", "C4", "E5"],
    needs: ["events", "ability:relay"],
    timeoutMs: 60_000,
    async run(t) {
      const relay = await t.relay();
      await losesVerdicts(t, { cut: async () => relay.cut(), request: { via: [relay.endpoint] } });
    },
  },
];

interface Means {
  cut(): Promise<void>;
  /** How both ends are opened. */
  readonly request: Parameters<CaseContext["openBy"]>[0];
}

/** One verdict comes while there is no link, and one when there is one again. */
async function losesVerdicts(t: CaseContext, { cut, request }: Means): Promise<void> {
  const history = t.history();
  const topic = t.name("events");
  const [early, late] = [t.gate(), t.gate()];
  const fences = new Set<string>();
  const isRequeued = t.claims.redelivery && t.claims.requeue;
  const attempts: number[] = [];
  const probe = eventProbe(history, "listener", ["info"], (event) =>
    eventId(event) === "late" ? late.pass() : early.pass(),
  );
  const more: NotificationEndpoint = {
    debug: (event) => void fences.add(eventId(event)),
    async error(_event, { attempt }) {
      attempts.push(attempt);
      t.saw();
      if (attempt > 1) return undefined;
      await early.pass();
      return REQUEUE;
    },
  };
  const listening = await t.openBy(request);
  await t.listen(listening, topic, { ...probe, ...more }, { requeueDelayMs: 1 });
  const notifier = (await t.openBy(request)).notifier({ publisherId: "kit", topics: [topic] });
  for (const id of ["early", "late"]) {
    await history.record(id, [["listener"]], () => notifier.info("kit.event", { id }));
  }
  if (isRequeued) await notifier.error("kit.event", { id: "again" });
  await t.within("the handlers to run", Promise.all([early.arrived(isRequeued ? 2 : 1), late.arrived(1)]));
  await cut();
  early.open();
  const fence = async (name: string): Promise<void> => {
    const deadline = performance.now() + t.ms(t.claims.recoveryMs + t.timing.waitMs);
    for (let n = 0; ![...fences].some((id) => id.startsWith(name)); n++) {
      if (performance.now() > deadline) break;
      await notifier.debug("kit.event", { id: `${name} ${n}` }, { timeoutMs: t.ms(500) }).catch(() => {});
      await pause(BETWEEN_PROBES_MS);
    }
    sameValue(
      `whether events come ${name}`,
      [...fences].some((id) => id.startsWith(name)),
      true,
    );
  };
  await fence("after the cut");
  late.open();
  await fence("after the last verdict");
  if (isRequeued) {
    await t.until(
      "the event that was asked for again",
      () => attempts.length > 1,
      () => attempts,
    );
    sameValue("the attempts of the event that was asked for again", attempts, [1, 2]);
  }
  // An event that comes twice by mistake is one more than were sent.
  await t.verify(history);
}
