import { NotSupportedError, REQUEUE } from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { check, sameValue } from "../check.js";
import type { CaseContext } from "../context.js";
import { nextTurn } from "../next-turn.js";
import { eventProbe } from "../probes.js";

/** A listener in each of `pools`, and ten events: each pool gets each of them once. */
async function eachPoolGetsAll(t: CaseContext, topic: string, pools: readonly string[]): Promise<void> {
  const history = t.history();
  const host = await t.open();
  for (const pool of pools) await t.listen(host, topic, eventProbe(history, pool), { pool });
  const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
  for (let n = 0; n < 10; n++) {
    const id = `m${n}`;
    await history.record(
      id,
      pools.map((pool) => [pool]),
      () => notifier.info("kit.event", { id }),
    );
  }
  await t.verify(history);
}

/** C3, C8: a pool shares, every pool gets every event, and a pool that is away is as the manifest says. */
export const poolCases: readonly ConformanceCase[] = [
  {
    id: "POOL-01",
    title: "two pools and listeners without one: each gets all 50 events once",
    group: "pools",
    clauses: ["C3"],
    needs: ["events", "pools"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      await t.listen(await t.open(), topic, eventProbe(history, "p"), { pool: "p" });
      await t.listen(await t.open(), topic, eventProbe(history, "q"), { pool: "q" });
      await t.listen(await t.open(), topic, eventProbe(history, "none"));
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      for (let n = 0; n < 50; n++) {
        const id = `m${n}`;
        await history.record(id, [["p"], ["q"], ["none"]], () => notifier.info("kit.event", { id }));
      }
      await t.verify(history);
    },
  },
  {
    id: "POOL-02",
    title: "three members of one pool, 200 events: all of them, none twice",
    group: "pools",
    clauses: ["C3"],
    needs: ["events", "pools"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const members = ["p1", "p2", "p3"];
      for (const member of members) await t.listen(await t.open(), topic, eventProbe(history, member), { pool: "p" });
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      const sends = Array.from({ length: 200 }, (_, n) => {
        const id = `m${n}`;
        return history.record(id, [members], () => notifier.info("kit.event", { id }));
      });
      await t.within("all events to be accepted", Promise.all(sends));
      await t.verify(history);
    },
  },
  {
    id: "POOL-03",
    title: "pools whose names begin alike (p, p1, P, p@1): apart from each other",
    group: "pools",
    clauses: ["A5", "C3"],
    needs: ["events", "pools"],
    run: (t) => eachPoolGetsAll(t, t.name("events"), ["p", "p1", "P", "p@1", "ü".repeat(50)]),
  },
  {
    id: "POOL-07",
    title: "pools named like wildcards, or like the topic and its streams: apart from each other",
    group: "pools",
    clauses: ["A5", "C3"],
    needs: ["events", "pools", "exactNames"],
    run(t) {
      const topic = t.name("events");
      return eachPoolGetsAll(t, topic, ["p", "p.1", "*", "#", "p.*", topic, `${topic}.info`, "ü".repeat(100)]);
    },
  },
  {
    id: "POOL-06",
    title: "a member of a pool leaves and comes back under load: still one copy of each event for the pool",
    group: "pools",
    clauses: ["C3", "E3"],
    needs: ["events", "pools"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const host = await t.open();
      await t.listen(await t.open(), topic, eventProbe(history, "stays"), { pool: "p" });
      const scope = [["stays", "comes and goes"]];
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      let sent = 0;
      const window = async (): Promise<void> => {
        const sends = Array.from({ length: 20 }, () => {
          const id = `m${sent++}`;
          return history.record(id, scope, () => notifier.info("kit.event", { id }));
        });
        await t.within("a window of events", Promise.all(sends));
      };
      for (let turn = 0; turn < 5; turn++) {
        const had = history.seenBy("comes and goes").length;
        const member = await t.listen(host, topic, eventProbe(history, "comes and goes"), { pool: "p" });
        // One that left before it had an event would show nothing.
        for (let tries = 0; history.seenBy("comes and goes").length === had; tries++) {
          check(tries < 50, "the member that came got none of 1 000 events");
          await window();
          await nextTurn();
        }
        const stopped = member.stop();
        await window();
        await t.within("stop()", stopped);
      }
      await t.verify(history);
    },
  },
  {
    id: "POOL-04",
    title: "a pool whose members are all away: 20 events wait for it",
    group: "pools",
    clauses: ["C8"],
    needs: ["events", "pools", "storesOffline"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const host = await t.open();
      const before = await t.listen(host, topic, eventProbe(history, "gone"), { pool: "p" });
      await t.within("stop()", before.stop());
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      for (let n = 0; n < 20; n++) {
        await history.record(`m${n}`, [["back"]], () => notifier.info("kit.event", { id: `m${n}` }));
      }
      await t.listen(host, topic, eventProbe(history, "back"), { pool: "p" });
      await t.verify(history);
    },
  },
  {
    id: "POOL-R2",
    title:
      "storesOffline not claimed: what was emitted while a listener was away does not come, and requiring it is refused",
    group: "pools",
    clauses: ["C8", "H"],
    needs: ["events", "!storesOffline"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const host = await t.open();
      const before = await t.listen(host, topic, eventProbe(history, "gone"));
      await t.within("stop()", before.stop());
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      for (let n = 0; n < 5; n++) await history.record(`m${n}`, [], () => notifier.info("kit.event", { id: `m${n}` }));
      await t.listen(host, topic, eventProbe(history, "back"));
      await history.record("fence", [["back"]], () => notifier.info("kit.event", { id: "fence" }));
      await t.verify(history);
      await t.refusesToRequire({ storesOffline: true }, "storesOffline");
    },
  },
  {
    id: "POOL-05",
    title: "an event that one pool asks for again comes back to that pool alone",
    group: "pools",
    clauses: ["C3", "C4"],
    needs: ["events", "pools", "requeue"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const again = eventProbe(history, "p", ["info"], (_, { attempt }) => (attempt < 3 ? REQUEUE : undefined));
      await t.listen(await t.open(), topic, again, { pool: "p", requeueDelayMs: 10 });
      await t.listen(await t.open(), topic, eventProbe(history, "q"), { pool: "q" });
      await t.listen(await t.open(), topic, eventProbe(history, "none"));
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      for (let n = 0; n < 5; n++) {
        const id = `m${n}`;
        await history.record(id, [["p"], ["q"], ["none"]], () => notifier.info("kit.event", { id }));
      }
      await t.until(
        "three attempts of each",
        () => history.seenBy("p").length >= 15,
        () => history.seenBy("p"),
      );
      await t.verify(history, { repeats: true });
      for (const consumer of ["q", "none"]) sameValue(`handlings at ${consumer}`, history.seenBy(consumer).length, 5);
      sameValue("handlings at p", history.seenBy("p").length, 15);
    },
  },
  {
    id: "POOL-R1",
    title: "pools not claimed: a listener with a pool is refused and leaves nothing; one without gets the events",
    group: "pools",
    clauses: ["C3", "H"],
    needs: ["events", "!pools"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const transport = await t.open();
      const listen = (): Promise<unknown> =>
        transport.listen([{ topic }], eventProbe(history, "refused"), { pool: "p" });
      const error = await t.refuses("a listener with a pool", listen, NotSupportedError);
      sameValue("the capability", error.capability, "pools");
      sameValue("the driver", error.driver, transport.driverName);
      await t.listen(transport, topic, eventProbe(history, "plain"));
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      await history.record("m1", [["plain"]], () => notifier.info("kit.event", { id: "m1" }));
      await t.verify(history);
    },
  },
];
