import { NotSupportedError, REQUEUE } from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { check, sameValue } from "../check.js";
import { eventId, eventProbe } from "../probes.js";
import { wholeContext } from "../whole-context.js";
import { describeWrongError } from "../wrong-error.js";

/** C4: a handler may have an event again, after a delay, a bounded number of times. */
export const requeueCases: readonly ConformanceCase[] = [
  {
    id: "RQ-01",
    title: "asked for again once: handled exactly twice, same id and contents, not before the delay",
    group: "requeue",
    clauses: ["C4"],
    needs: ["events", "requeue"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const seen: unknown[] = [];
      const at: number[] = [];
      const probe = eventProbe(history, "listener", ["info"], (event, { attempt }) => {
        at.push(performance.now());
        seen.push({ ...event, attempt });
        return attempt === 1 ? REQUEUE : undefined;
      });
      const requeueDelayMs = 200;
      await t.listen(await t.open(), topic, probe, { requeueDelayMs });
      const context = { tenant: "acme" };
      const emitter = { publisherId: "kit", topics: [topic], context, contextFilter: wholeContext };
      const notifier = (await t.open()).notifier(emitter);
      const payload = { id: "m1", list: [1, null, "x"] };
      const emitted = await history.record("m1", [["listener"]], () => notifier.info("kit.event", payload));
      await t.until("the second attempt", () => seen.length === 2);
      await history.record("fence", [["listener"]], () => notifier.info("kit.event", { id: "fence" }));
      await t.until("the fence", () => seen.length >= 4);
      await t.verify(history, { repeats: true });
      const { timestamp } = Object(seen[0]);
      const expected = (attempt: number): object => ({
        publisherId: "kit",
        eventType: "kit.event",
        priority: "info",
        payload,
        context,
        messageId: emitted?.messageId,
        timestamp,
        attempt,
      });
      sameValue("the attempts", seen.slice(0, 2), [expected(1), expected(2)]);
      const [first = 0, second = 0] = at;
      check(
        second - first >= requeueDelayMs - 2,
        `it came again after ${second - first} ms, not after ${requeueDelayMs}`,
      );
      sameValue("handlings of m1", history.countOf("m1"), 2);
    },
  },
  {
    id: "RQ-02",
    title: "3 of 10 events are asked for again: those come twice, the other seven once",
    group: "requeue",
    clauses: ["C4"],
    needs: ["events", "requeue"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const wanted = new Set(["m2", "m5", "m9"]);
      const probe = eventProbe(history, "listener", ["info"], (event, { attempt }) =>
        attempt === 1 && wanted.has(eventId(event)) ? REQUEUE : undefined,
      );
      await t.listen(await t.open(), topic, probe, { requeueDelayMs: 10 });
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      for (let n = 0; n < 10; n++) {
        await history.record(`m${n}`, [["listener"]], () => notifier.info("kit.event", { id: `m${n}` }));
      }
      await t.until(
        "13 handlings",
        () => history.handlings.length >= 13,
        () => history.handlings.length,
      );
      await t.verify(history, { repeats: true });
      for (let n = 0; n < 10; n++)
        sameValue(`handlings of m${n}`, history.countOf(`m${n}`), wanted.has(`m${n}`) ? 2 : 1);
    },
  },
  {
    id: "RQ-03",
    title: "one listener always asks again; another of its pool gets the event within its attempts",
    group: "requeue",
    clauses: ["C3", "C4"],
    needs: ["events", "requeue"],
    async run(t) {
      const topic = t.name("events");
      const takers: string[] = [];
      await t.listen(await t.open(), topic, { info: () => REQUEUE }, { requeueDelayMs: 1, maxAttempts: 1_000 });
      await t.listen(await t.open(), topic, { info: (event) => void takers.push(eventId(event)) });
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      const ids = Array.from({ length: 10 }, (_, n) => `m${n}`);
      for (const id of ids) await t.within("an event", notifier.info("kit.event", { id }));
      await t.until(
        "all events at the one that takes them",
        () => takers.length >= ids.length,
        () => takers,
        10_000,
      );
      await t.quiet();
      t.saw(takers.length);
      sameValue("what was taken", takers.toSorted(), ids);
    },
  },
  {
    id: "RQ-04",
    title: "an event that is always asked for again: five attempts, then it is rejected and reported; others flow",
    group: "requeue",
    clauses: ["C4"],
    needs: ["events", "requeue"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const probe = eventProbe(history, "listener", ["info"], ({ eventType }) =>
        eventType === "kit.poison" ? REQUEUE : undefined,
      );
      await t.listen(await t.open(), topic, probe, { requeueDelayMs: 5, concurrency: 1, credit: 2 });
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      await history.record("poison", [["listener"]], () => notifier.info("kit.poison", { id: "poison" }));
      for (let n = 0; n < 20; n++) {
        await history.record(`m${n}`, [["listener"]], () => notifier.info("kit.event", { id: `m${n}` }));
      }
      await t.until("the report of the rejected event", () => t.handlerErrors.length > 0);
      await t.verify(history, { repeats: true });
      sameValue(
        "attempts",
        history.handlings.filter(({ id }) => id === "poison").map(({ attempt }) => attempt),
        [1, 2, 3, 4, 5],
      );
      sameValue("reports", t.handlerErrors.length, 1);
    },
  },
  {
    id: "RQ-05",
    title: "attempt and redelivered tell how often an event came, at whichever listener of its pool",
    group: "requeue",
    clauses: ["C4"],
    needs: ["events", "requeue", "redeliveryInfo"],
    async run(t) {
      const topic = t.name("events");
      const seen: { attempt: number; redelivered: boolean }[] = [];
      const info = (_: unknown, { attempt, redelivered }: { attempt: number; redelivered: boolean }) => {
        seen.push({ attempt, redelivered });
        return attempt < 3 ? REQUEUE : undefined;
      };
      for (let n = 0; n < 2; n++) await t.listen(await t.open(), topic, { info }, { requeueDelayMs: 5 });
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      await t.within("an event", notifier.info("kit.event", { id: "m1" }));
      await t.until(
        "three attempts",
        () => seen.length === 3,
        () => seen,
      );
      t.saw(seen.length);
      sameValue("what the handlers were told", seen, [
        { attempt: 1, redelivered: false },
        { attempt: 2, redelivered: true },
        { attempt: 3, redelivered: true },
      ]);
    },
  },
  {
    id: "RQ-06",
    title: "asked for again while its listener stops: stop() ends, and another of the pool gets it",
    group: "requeue",
    clauses: ["C4", "E3"],
    needs: ["events", "requeue"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const gate = t.gate();
      const asks = eventProbe(history, "leaves", ["info"], async (): Promise<typeof REQUEUE> => {
        await gate.pass();
        return REQUEUE;
      });
      const leaver = await t.listen(await t.open(), topic, asks, { requeueDelayMs: 10 });
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      await history.record("m1", [["leaves"], ["stays"]], () => notifier.info("kit.event", { id: "m1" }));
      await t.within("the handler to run", gate.arrived(1));
      await t.listen(await t.open(), topic, eventProbe(history, "stays"));
      const stopped = leaver.stop();
      gate.open();
      await t.within("stop()", stopped);
      await t.verify(history, { repeats: true });
    },
  },
  {
    id: "RQ-07",
    title: "onError: requeue: an event whose handler throws comes again, and is reported each time",
    group: "requeue",
    clauses: ["C4"],
    needs: ["events", "requeue"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const probe = eventProbe(history, "listener", ["info"], (_, { attempt }) => {
        if (attempt < 3) throw new Error(`attempt ${attempt}`);
      });
      await t.listen(await t.open(), topic, probe, { onError: "requeue", requeueDelayMs: 5 });
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      await history.record("m1", [["listener"]], () => notifier.info("kit.event", { id: "m1" }));
      await t.until("three attempts", () => history.countOf("m1") >= 3);
      await t.verify(history, { repeats: true });
      sameValue(
        "attempts",
        history.handlings.map(({ attempt }) => attempt),
        [1, 2, 3],
      );
      sameValue(
        "reports",
        t.handlerErrors.map((error) => (error instanceof Error ? error.message : "")),
        ["attempt 1", "attempt 2"],
      );
    },
  },
  {
    id: "CTX-06",
    title: "the context of an event that comes again equals the first",
    group: "requeue",
    clauses: ["C4", "D1"],
    needs: ["events", "requeue"],
    async run(t) {
      const topic = t.name("events");
      const seen: unknown[] = [];
      const headers = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
      await t.listen(
        await t.open(),
        topic,
        {
          info({ context }, call) {
            seen.push({ context: structuredClone(context), headers: call.headers });
            Object.assign(context, { changed: true });
            return call.attempt === 1 ? REQUEUE : undefined;
          },
        },
        { requeueDelayMs: 5 },
      );
      const context = { tenant: "acme", nested: { list: [1, 2] } };
      const emitter = { publisherId: "kit", topics: [topic], context, contextFilter: wholeContext };
      const notifier = (await t.open()).notifier(emitter);
      await t.within("an event", notifier.info("kit.event", null, { headers }));
      await t.until("two attempts", () => seen.length === 2);
      t.saw(seen.length);
      sameValue("what each attempt got", seen, [
        { context, headers },
        { context, headers },
      ]);
    },
  },
  {
    id: "RQ-R1",
    title: "requeue not claimed: onError requeue is refused, a handler that asks is reported, and nothing comes again",
    group: "requeue",
    clauses: ["C4", "H"],
    needs: ["events", "!requeue"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const transport = await t.open();
      const listen = (): Promise<unknown> =>
        transport.listen([{ topic }], eventProbe(history, "refused"), { onError: "requeue" });
      const error = await t.refuses("a listener with onError requeue", listen, NotSupportedError);
      sameValue("the capability", error.capability, "requeue");
      await t.listen(
        transport,
        topic,
        eventProbe(history, "listener", ["info"], () => REQUEUE),
      );
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      await history.record("m1", [["listener"]], () => notifier.info("kit.event", { id: "m1" }));
      await t.until("the report", () => t.handlerErrors.length > 0);
      check(
        t.handlerErrors[0] instanceof NotSupportedError,
        `the handlerError event told ${describeWrongError(t.handlerErrors[0], NotSupportedError)}`,
      );
      await t.verify(history);
    },
  },
];
