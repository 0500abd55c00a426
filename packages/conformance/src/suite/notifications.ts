import { type NotificationEvent, NotSupportedError, onlyContextKeys, PRIORITIES, type Priority } from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { check, sameValue } from "../check.js";
import { eventProbe } from "../probes.js";

/** C1, C2, C7: an event arrives whole, at those who have an endpoint for its priority, and once in a pool. */
export const notificationCases: readonly ConformanceCase[] = [
  {
    id: "NOTE-01",
    title: "each of the seven priorities: the right method, publisher, type, payload, message id and UTC time",
    group: "notifications",
    clauses: ["C1", "C2"],
    needs: ["events"],
    async run(t) {
      const topic = t.name("events");
      const seen = new Map<string, NotificationEvent>();
      const take = (method: Priority) => (event: NotificationEvent) => void seen.set(method, event);
      const endpoint = Object.fromEntries(PRIORITIES.map((priority) => [priority, take(priority)]));
      await t.listen(await t.open(), topic, endpoint);
      const notifier = (await t.open()).notifier({ publisherId: "compute.host1", topics: [topic] });
      const ids = new Map<string, string>();
      const began = Date.now();
      for (const priority of PRIORITIES) {
        const { messageId } = await t.within(priority, notifier[priority](`kit.${priority}`, { priority }));
        ids.set(priority, messageId);
      }
      await t.until(
        "seven events",
        () => seen.size === PRIORITIES.length,
        () => [...seen.keys()],
      );
      t.saw(seen.size);
      for (const [method, event] of seen) {
        const { publisherId, eventType, priority, payload, messageId, context, timestamp } = event;
        sameValue(
          `the event at ${method}()`,
          { publisherId, eventType, priority, payload, messageId, context },
          {
            publisherId: "compute.host1",
            eventType: `kit.${method}`,
            priority: method,
            payload: { priority: method },
            messageId: ids.get(method),
            context: {},
          },
        );
        check(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(timestamp), `the timestamp ${timestamp} is no UTC time`);
        const at = Date.parse(timestamp);
        check(
          at >= began - 1_000 && at <= Date.now() + 1_000,
          `the timestamp ${timestamp} is not the time of emitting`,
        );
      }
      sameValue("different message ids", new Set(ids.values()).size, PRIORITIES.length);
    },
  },
  {
    id: "NOTE-02",
    title: "500 events: every message id is its own",
    group: "notifications",
    clauses: ["C1"],
    needs: ["events"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const ids = new Set<string>();
      const endpoint = eventProbe(history, "listener", ["info"], ({ messageId }) => void ids.add(messageId));
      await t.listen(await t.open(), topic, endpoint);
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      const sends = Array.from({ length: 500 }, (_, n) => {
        const id = `m${n}`;
        return history.record(id, [["listener"]], () => notifier.info("kit.event", { id }));
      });
      await t.within("all events to be accepted", Promise.all(sends));
      await t.verify(history);
      sameValue("different message ids", ids.size, 500);
    },
  },
  {
    id: "NOTE-03",
    title: "one notifier, two topics: each topic gets its copy, a listener on both gets two of one message id",
    group: "notifications",
    clauses: ["C1", "A4"],
    needs: ["events", "pools"],
    async run(t) {
      const topics = [t.name("one"), t.name("two")];
      const seen: string[] = [];
      const ids = new Set<string>();
      const take = (who: string) => ({
        info: (event: NotificationEvent, { topic }: { topic: string }) => {
          seen.push(`${who}/${topics.indexOf(topic)}/${String(event.payload)}`);
          ids.add(event.messageId);
        },
      });
      const host = await t.open();
      await t.listen(
        host,
        topics.map((topic) => ({ topic })),
        take("both"),
        { pool: "both" },
      );
      await t.listen(host, topics[0] ?? "", take("first"), { pool: "first" });
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics });
      for (const n of [1, 2, 3]) await t.within("an event", notifier.info("kit.event", n));
      const expected = [1, 2, 3].flatMap((n) => [`both/0/${n}`, `both/1/${n}`, `first/0/${n}`]);
      await t.until(
        "nine handlings",
        () => seen.length >= expected.length,
        () => seen,
      );
      await t.quiet();
      t.saw(seen.length);
      sameValue("what was seen", seen.toSorted(), expected.toSorted());
      sameValue("different message ids", ids.size, 3);
    },
  },
  {
    id: "NOTE-04",
    title: "two listeners without a pool on one topic: every event once in total, and neither starves",
    group: "notifications",
    clauses: ["C3"],
    needs: ["events"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      for (const name of ["l1", "l2"]) await t.listen(await t.open(), topic, eventProbe(history, name));
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      for (let window = 0; window < 20; window++) {
        const sends = Array.from({ length: 10 }, (_, n) => {
          const id = `m${window}-${n}`;
          return history.record(id, [["l1", "l2"]], () => notifier.info("kit.event", { id }));
        });
        await t.within("a window of events", Promise.all(sends));
      }
      await t.verify(history);
      for (const name of ["l1", "l2"])
        check(history.seenBy(name).length >= 10, `${name} got less than a tenth of its share`);
    },
  },
  {
    id: "NOTE-05",
    title:
      "listeners of one pool for different priorities: each gets its own, and what none has a method for harms nobody",
    group: "notifications",
    clauses: ["C2"],
    needs: ["events"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      await t.listen(await t.open(), topic, eventProbe(history, "infos", ["info"]));
      await t.listen(await t.open(), topic, eventProbe(history, "errors", ["error", "critical"]));
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      for (let n = 0; n < 10; n++) {
        await history.record(`info ${n}`, [["infos"]], () => notifier.info("kit.event", { id: `info ${n}` }));
        await history.record(`sample ${n}`, [], () => notifier.sample("kit.event", { id: `sample ${n}` }));
        await history.record(`error ${n}`, [["errors"]], () => notifier.error("kit.event", { id: `error ${n}` }));
        await history.record(`critical ${n}`, [["errors"]], () =>
          notifier.critical("kit.event", { id: `critical ${n}` }),
        );
      }
      await t.verify(history);
    },
  },
  {
    id: "NOTE-07",
    title: "an event to nobody is accepted, soon",
    group: "notifications",
    clauses: ["A7", "B2"],
    needs: ["events"],
    async run(t) {
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [t.name("nobody")] });
      const { accepted, lost } = await t.within("the event", notifier.info("kit.event", { id: "m1" }), 3_000);
      t.saw();
      sameValue("lost", lost, 0);
      if (t.claims.acceptance.events === "transport") sameValue("accepted", accepted, 0);
    },
  },
  {
    id: "NOTE-11",
    title: "secrets of the context stay at home: no key that looks like a token or password travels with an event",
    group: "notifications",
    clauses: ["C1"],
    needs: ["events", "eventContext=filtered"],
    async run(t) {
      const topic = t.name("events");
      const seen: unknown[] = [];
      await t.listen(await t.open(), topic, { info: ({ context }) => void seen.push(context) });
      const transport = await t.open();
      const context = { tenant: "acme", auth_token: "s3cret", nested: { password: "s3cret", color: "red" } };
      const notifier = transport.notifier({ publisherId: "kit", topics: [topic], context });
      await t.within("an event", notifier.info("kit.event"));
      await t.until("the event", () => seen.length > 0);
      t.saw();
      sameValue("the context", seen[0], { tenant: "acme", nested: { color: "red" } });
    },
  },
  {
    id: "NOTE-12",
    title:
      "events are durable: what was emitted before any listener of its pool came back, by a sender that is gone, arrives",
    group: "notifications",
    clauses: ["C7", "C8"],
    needs: ["events", "pools", "acceptance.events=durable"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const before = await t.listen(await t.open(), topic, eventProbe(history, "gone"), { pool: "billing" });
      await t.within("stop()", before.stop());
      const sender = await t.open();
      const notifier = sender.notifier({ publisherId: "kit", topics: [topic] });
      for (let n = 0; n < 20; n++)
        await history.record(`m${n}`, [["back"]], () => notifier.info("kit.event", { id: `m${n}` }));
      await t.within("close() of the sender", sender.close());
      await t.listen(await t.open(), topic, eventProbe(history, "back"), { pool: "billing" });
      await t.verify(history);
    },
  },
  {
    id: "NOTE-R1",
    title: "events not claimed: notifier and listener are refused when they are made; calls work",
    group: "notifications",
    clauses: ["C1", "H"],
    needs: ["!events"],
    async run(t) {
      const transport = await t.open();
      const topic = t.name("events");
      const asks = [
        () => transport.notifier({ publisherId: "kit", topics: [topic] }),
        () => transport.listen([{ topic }], { info: () => {} }),
      ];
      for (const ask of asks) {
        const error = await t.refuses("events", ask, NotSupportedError);
        sameValue("the capability", error.capability, "events");
      }
      await t.refusesToRequire({ events: true }, "events");
    },
  },
  {
    id: "NOTE-R2",
    title: "events not durable: requiring it at start-up is refused, naming the key",
    group: "notifications",
    clauses: ["C7", "H"],
    needs: ["events", "!acceptance.events=durable"],
    async run(t) {
      await t.refusesToRequire({ acceptance: { events: "durable" } }, "acceptance");
    },
  },
  {
    id: "NOTE-R4",
    title:
      "eventContext listed: request_id travels with an event and what is not on the list does not, unless asked for",
    group: "notifications",
    clauses: ["C1", "H"],
    needs: ["events", "!eventContext=filtered"],
    async run(t) {
      const topic = t.name("events");
      const seen: unknown[] = [];
      await t.listen(await t.open(), topic, { info: ({ context }) => void seen.push(context) }, { concurrency: 1 });
      const transport = await t.open();
      const context = { request_id: "req-1", kit_unlisted: "acme", auth_token: "s3cret" };
      const emitter = { publisherId: "kit", topics: [topic], context };
      for (const notifier of [
        transport.notifier(emitter),
        transport.notifier({ ...emitter, contextFilter: onlyContextKeys(["kit_unlisted"]) }),
      ]) {
        const before = seen.length;
        await t.within("an event", notifier.info("kit.event"));
        await t.until("the event", () => seen.length > before);
        t.saw();
      }
      sameValue("the contexts, by the driver's list and by the application's own", seen, [
        { request_id: "req-1" },
        { kit_unlisted: "acme" },
      ]);
      await t.refusesToRequire({ eventContext: "filtered" }, "eventContext");
    },
  },
];
