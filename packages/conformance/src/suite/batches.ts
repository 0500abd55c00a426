import { type NotificationEvent, NotSupportedError, REQUEUE } from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { atLeast, check, sameValue } from "../check.js";
import { batchProbe, eventId, eventProbe } from "../probes.js";

type Batches = (readonly NotificationEvent[])[];

/** C6: a batch is bounded in size and time, holds one topic and one priority, and is settled whole. */
export const batchCases: readonly ConformanceCase[] = [
  {
    id: "BATCH-01",
    title: "size 10, 25 events at once: batches of 10, 10 and 5, the last not before its time is over",
    group: "batches",
    clauses: ["C6"],
    needs: ["events", "batches"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const batches: Batches = [];
      const timeoutMs = 1_000;
      const listening = await t.open();
      await t.listenBatches(listening, topic, batchProbe(history, "batches", batches), {
        batch: { size: 10, timeoutMs },
      });
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      const began = performance.now();
      const sends = Array.from({ length: 25 }, (_, n) => {
        const id = `m${n}`;
        return history.record(id, [["batches"]], () => notifier.info("kit.event", { id }));
      });
      await t.within("all events to be accepted", Promise.all(sends));
      await t.until(
        "three batches",
        () => batches.length === 3,
        () => batches.map((batch) => batch.length),
      );
      atLeast("milliseconds until the last batch", performance.now() - began, timeoutMs - 2);
      await t.verify(history);
      sameValue(
        "the sizes",
        batches.map((batch) => batch.length),
        [10, 10, 5],
      );
    },
  },
  {
    id: "BATCH-02",
    title: "300 events at random moments: no batch over its size, every event in exactly one",
    group: "batches",
    clauses: ["C6"],
    needs: ["events", "batches"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const batches: Batches = [];
      const batch = { size: 7, timeoutMs: 20 };
      await t.listenBatches(await t.open(), topic, batchProbe(history, "batches", batches), { batch });
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      let sent = 0;
      while (sent < 300) {
        const size = Math.min(300 - sent, 1 + Math.floor(t.random() * 12));
        const sends = Array.from({ length: size }, () => {
          const id = `m${sent++}`;
          return history.record(id, [["batches"]], () => notifier.info("kit.event", { id }));
        });
        await t.within("some events", Promise.all(sends));
      }
      await t.verify(history);
      for (const one of batches) check(one.length >= 1 && one.length <= 7, `a batch of ${one.length} events`);
    },
  },
  {
    id: "BATCH-03",
    title: "priorities and topics mixed: each batch holds one of each, and nothing is dropped",
    group: "batches",
    clauses: ["C2", "C6"],
    needs: ["events", "batches"],
    async run(t) {
      const history = t.history();
      const topics = [t.name("one"), t.name("two")];
      const batches: Batches = [];
      const topicsOf: string[] = [];
      const probe = batchProbe(history, "batches", batches, ["info", "error", "sample"]);
      const kept = Object.fromEntries(
        Object.entries(probe).map(([priority, handler]) => [
          priority,
          (events: readonly NotificationEvent[], call: Parameters<typeof handler>[1]) => {
            topicsOf.push(call.topic);
            return handler(events, call);
          },
        ]),
      );
      const targets = topics.map((topic) => ({ topic }));
      await t.listenBatches(await t.open(), targets, kept, { batch: { size: 5, timeoutMs: 50 } });
      const transport = await t.open();
      const sends: Promise<unknown>[] = [];
      for (let n = 0; n < 20; n++) {
        for (const [index, topic] of topics.entries()) {
          const notifier = transport.notifier({ publisherId: "kit", topics: [topic] });
          for (const priority of ["info", "error", "sample"] as const) {
            const id = `${index}/${priority}/${n}`;
            sends.push(history.record(id, [["batches"]], () => notifier[priority]("kit.event", { id })));
          }
        }
      }
      await t.within("all events to be accepted", Promise.all(sends));
      await t.verify(history);
      for (const [index, batch] of batches.entries()) {
        const streams = new Set(batch.map((event) => eventId(event).replace(/\/\d+$/, "")));
        sameValue("streams in one batch", streams.size, 1);
        const [stream = ""] = streams;
        sameValue("the topic that the handler was told", topicsOf[index], topics[Number(stream.split("/")[0])]);
        check(
          batch.every((event) => event.priority === stream.split("/")[1]),
          `${stream} holds another priority`,
        );
      }
    },
  },
  {
    id: "BATCH-04",
    title: "the time of a batch runs from its first event, however many follow; no events, no batch",
    group: "batches",
    clauses: ["C6"],
    needs: ["events", "batches"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const batches: Batches = [];
      const batch = { size: 100_000, timeoutMs: 300 };
      const options = { batch, credit: 200_000 };
      await t.listenBatches(await t.open(), topic, batchProbe(history, "batches", batches), options);
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      const began = performance.now();
      // Were each event to start the time anew, no batch would ever come while they keep coming.
      for (let n = 0; batches.length === 0; n++) {
        const id = `m${n}`;
        await history.record(id, [["batches"]], () => notifier.info("kit.event", { id }));
        const pausedAt = performance.now();
        await t.until("the next event's turn", () => batches.length > 0 || performance.now() - pausedAt > 20);
        check(performance.now() - began < t.ms(5_000), "no batch came while events kept coming");
      }
      atLeast("milliseconds until the first batch", performance.now() - began, batch.timeoutMs - 2);
      await t.verify(history);
      check(
        batches.every((one) => one.length > 0),
        "an empty batch was handed out",
      );
    },
  },
  {
    id: "BATCH-05",
    title: "a batch listener stops with half a batch: what it had gathered goes to another of its pool",
    group: "batches",
    clauses: ["C6", "E3"],
    needs: ["events", "batches"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const batches: Batches = [];
      const batch = { size: 10, timeoutMs: t.ms(20_000) };
      const gathering = await t.listenBatches(await t.open(), topic, batchProbe(history, "batches", batches), {
        batch,
      });
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      const emit = (id: string): Promise<unknown> =>
        history.record(id, [["batches", "other"]], () => notifier.info("kit.event", { id }));
      // A whole batch shows that events reach the listener; the next half of one is then with it, and not on its way.
      for (let n = 0; n < 10; n++) await emit(`whole ${n}`);
      await t.until("the first batch", () => batches.length === 1);
      for (let n = 0; n < 5; n++) await emit(`half ${n}`);
      await t.quiet();
      await t.listen(await t.open(), topic, eventProbe(history, "other"));
      await t.within("stop()", gathering.stop());
      await t.verify(history);
      sameValue(
        "events of the other",
        history.seenBy("other").toSorted(),
        Array.from({ length: 5 }, (_, n) => `half ${n}`),
      );
    },
  },
  {
    id: "BATCH-06",
    title: "a batch that is asked for again comes back whole, and nothing else does",
    group: "batches",
    clauses: ["C4", "C6"],
    needs: ["events", "batches", "requeue"],
    async run(t) {
      const topic = t.name("events");
      const seen = new Map<string, number>();
      let hasAsked = false;
      let asked: readonly string[] = [];
      const info = (events: readonly NotificationEvent[]): typeof REQUEUE | undefined => {
        for (const event of events) seen.set(eventId(event), (seen.get(eventId(event)) ?? 0) + 1);
        t.saw(events.length);
        if (hasAsked) return undefined;
        hasAsked = true;
        asked = events.map(eventId);
        return REQUEUE;
      };
      const options = { batch: { size: 5, timeoutMs: 50 }, requeueDelayMs: 10, concurrency: 1 };
      await t.listenBatches(await t.open(), topic, { info }, options);
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      const ids = Array.from({ length: 15 }, (_, n) => `m${n}`);
      await t.within("15 events", Promise.all(ids.map((id) => notifier.info("kit.event", { id }))));
      const total = (): number => [...seen.values()].reduce((sum, count) => sum + count, 0);
      await t.until("each event, and the batch again", () => seen.size === 15 && total() >= 15 + asked.length, total);
      await t.quiet();
      for (const id of ids) sameValue(`handlings of ${id}`, seen.get(id), asked.includes(id) ? 2 : 1);
    },
  },
  {
    id: "BATCH-07",
    title: "a batch listener and a single one share a pool: every event once",
    group: "batches",
    clauses: ["C3", "C6"],
    needs: ["events", "batches"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const probe = batchProbe(history, "batches", []);
      await t.listenBatches(await t.open(), topic, probe, { batch: { size: 5, timeoutMs: 20 } });
      await t.listen(await t.open(), topic, eventProbe(history, "single"));
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      const sends = Array.from({ length: 200 }, (_, n) => {
        const id = `m${n}`;
        return history.record(id, [["batches", "single"]], () => notifier.info("kit.event", { id }));
      });
      await t.within("all events to be accepted", Promise.all(sends));
      await t.verify(history);
    },
  },
  {
    id: "BATCH-R1",
    title: "batches not claimed: a listener with a batch is refused and leaves nothing; one without gets the events",
    group: "batches",
    clauses: ["C6", "H"],
    needs: ["events", "!batches"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const transport = await t.open();
      const listen = (): Promise<unknown> =>
        transport.listen([{ topic }], batchProbe(history, "refused", []), { batch: { size: 10 } });
      const error = await t.refuses("a listener with a batch", listen, NotSupportedError);
      sameValue("the capability", error.capability, "batches");
      sameValue("the driver", error.driver, transport.driverName);
      await t.listen(transport, topic, eventProbe(history, "plain"));
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      await history.record("m1", [["plain"]], () => notifier.info("kit.event", { id: "m1" }));
      await t.verify(history);
    },
  },
];
