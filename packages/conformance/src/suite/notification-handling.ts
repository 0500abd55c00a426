import type { NotificationEvent } from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { check, sameValue } from "../check.js";
import { eventProbe } from "../probes.js";
import { wholeContext } from "../whole-context.js";

/** C4, C5: who wants an event, and what becomes of it when a handler is done, or throws. */
export const notificationHandlingCases: readonly ConformanceCase[] = [
  {
    id: "NOTE-06",
    title: "filters on publisher, type, payload, context and metadata: each endpoint sees exactly what fits",
    group: "notifications",
    clauses: ["C5"],
    needs: ["events"],
    async run(t) {
      const topic = t.name("events");
      const seen = new Map<string, string[]>();
      const endpoint = (name: string, filter: object) => ({
        filter,
        info({ payload }: NotificationEvent) {
          const list = seen.get(name) ?? [];
          seen.set(name, [
            ...list,
            String(typeof payload === "object" && payload !== null && "id" in payload ? payload["id"] : payload),
          ]);
        },
      });
      await t.listen(
        await t.open(),
        topic,
        [
          endpoint("all", {}),
          endpoint("publisher", { publisherId: "^compute\\..*$" }),
          endpoint("type", { eventType: /^instance\.(create|delete)\.end$/ }),
          endpoint("payload", { payload: { state: "^error$" } }),
          endpoint("context", { context: { tenant: "^acme$" } }),
          endpoint("metadata", { metadata: { priority: "^info$" } }),
          endpoint("two of them", { publisherId: "^compute", payload: { state: "^error$" } }),
          endpoint("never", { eventType: "^nothing is called so$" }),
        ],
        { concurrency: 1 },
      );
      const transport = await t.open();
      const emit = (
        id: string,
        publisherId: string,
        eventType: string,
        state: string,
        tenant: string,
      ): Promise<unknown> => {
        const context = { tenant };
        const notifier = transport.notifier({ publisherId, topics: [topic], context, contextFilter: wholeContext });
        return t.within("an event", notifier.info(eventType, { id, state }));
      };
      await emit("e1", "compute.host1", "instance.create.end", "active", "acme");
      await emit("e2", "compute.host2", "instance.create.start", "error", "other");
      await emit("e3", "network.host1", "instance.delete.end", "error", "acme");
      await emit("e4", "computer", "instance.create.end.not", "errors", "acme ltd");
      await t.until(
        "four events",
        () => seen.get("all")?.length === 4,
        () => seen.get("all"),
      );
      t.saw(4);
      const sorted = (name: string): string[] => (seen.get(name) ?? []).toSorted();
      sameValue("all", sorted("all"), ["e1", "e2", "e3", "e4"]);
      sameValue("publisher", sorted("publisher"), ["e1", "e2"]);
      sameValue("type", sorted("type"), ["e1", "e3"]);
      sameValue("payload", sorted("payload"), ["e2", "e3"]);
      sameValue("context", sorted("context"), ["e1", "e3"]);
      sameValue("metadata", sorted("metadata"), ["e1", "e2", "e3", "e4"]);
      sameValue("two of them", sorted("two of them"), ["e2"]);
      sameValue("never", sorted("never"), []);
    },
  },
  {
    id: "NOTE-13",
    title: "an event that no filter wants is acknowledged: it uses up no credit, and does not come again",
    group: "notifications",
    clauses: ["C4", "C5"],
    needs: ["events"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const filter = { eventType: "^kit\\.wanted$" };
      const options = { concurrency: 1, credit: 2 };
      const listener = await t.listen(await t.open(), topic, { filter, ...eventProbe(history, "picky") }, options);
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      for (let n = 0; n < 20; n++) {
        await history.record(`unwanted ${n}`, [], () => notifier.info("kit.unwanted", { id: `unwanted ${n}` }));
      }
      await history.record("m1", [["picky"]], () => notifier.info("kit.wanted", { id: "m1" }));
      await t.verify(history);
      await t.within("stop()", listener.stop());
      await t.listen(await t.open(), topic, eventProbe(history, "next"));
      await history.record("fence", [["next"]], () => notifier.info("kit.wanted", { id: "fence" }));
      await t.verify(history);
    },
  },
  {
    id: "NOTE-08",
    title: "a handler throws: it is reported, the event is rejected and does not come again, the next one flows",
    group: "notifications",
    clauses: ["C4"],
    needs: ["events"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const endpoint = eventProbe(history, "listener", ["info"], ({ eventType }) => {
        if (eventType === "kit.bad") throw new RangeError("too much");
      });
      await t.listen(await t.open(), topic, endpoint, { concurrency: 1, credit: 1 });
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      const types = ["kit.good", "kit.bad", "kit.good", "kit.bad", "kit.bad", "kit.good"];
      for (const [n, type] of types.entries()) {
        await history.record(`m${n}`, [["listener"]], () => notifier.info(type, { id: `m${n}` }));
      }
      await t.verify(history);
      sameValue("handlerError events", t.handlerErrors.length, 3);
      check(
        t.handlerErrors.every((error) => error instanceof RangeError),
        "a handlerError event told of something else",
      );
    },
  },
  {
    id: "NOTE-14",
    title: "two endpoints fit an event: both see it, though the first throws",
    group: "notifications",
    clauses: ["C4"],
    needs: ["events"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const throws = eventProbe(history, "first", ["info"], () => {
        throw new Error("not mine");
      });
      await t.listen(await t.open(), topic, [throws, eventProbe(history, "second")]);
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      for (let n = 0; n < 5; n++) {
        await history.record(`m${n}`, [["first"], ["second"]], () => notifier.info("kit.event", { id: `m${n}` }));
      }
      await t.verify(history);
      sameValue("handlerError events", t.handlerErrors.length, 5);
    },
  },
  {
    id: "NOTE-10",
    title: "handled and acknowledged: a listener stops, another starts, and nothing comes again",
    group: "notifications",
    clauses: ["C4", "E3"],
    needs: ["events"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const host = await t.open();
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      for (const turn of ["first", "second", "third"]) {
        const listener = await t.listen(host, topic, eventProbe(history, turn));
        for (let n = 0; n < 10; n++) {
          const id = `${turn} ${n}`;
          await history.record(id, [[turn]], () => notifier.info("kit.event", { id }));
        }
        await t.until("the events of this turn", () => history.seenBy(turn).length >= 10);
        await t.within("stop()", listener.stop());
      }
      await t.verify(history);
    },
  },
  {
    id: "NOTE-R3",
    title: "redelivery not claimed: requiring it at start-up is refused, naming the key",
    group: "notifications",
    clauses: ["C4", "H"],
    needs: ["events", "!redelivery"],
    async run(t) {
      await t.refusesToRequire({ redelivery: true }, "redelivery");
    },
  },
  {
    id: "NOTE-15",
    title: "a listener leaves in the middle of an event (its drain time is over): another of its pool gets it",
    group: "notifications",
    clauses: ["C4"],
    needs: ["events", "redelivery"],
    async run(t) {
      const history = t.history();
      const topic = t.name("events");
      const gate = t.gate();
      const host = await t.open({ drainTimeoutMs: 100 });
      const held = eventProbe(history, "held", ["info"], () => gate.pass());
      await t.listen(host, topic, held);
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      await history.record("m1", [["held"], ["other"]], () => notifier.info("kit.event", { id: "m1" }));
      await t.within("the handler to run", gate.arrived(1));
      await t.listen(await t.open(), topic, eventProbe(history, "other"));
      await t.within("close()", host.close());
      await t.verify(history);
      gate.open();
    },
  },
];
