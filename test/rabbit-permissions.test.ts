import { openTransport, REQUEUE, type ServerCall, type Transport } from "@trunkline/core";
import { until } from "@trunkline/core/testing";
import { driver } from "@trunkline/rabbit";
import { describe, expect, onTestFinished, test } from "vitest";
import { hasRabbitControl, rabbitForTests } from "./support/rabbit.js";

const rabbit = rabbitForTests();

/** What docs/drivers/rabbit.md gives a service, and one that only sends. */
const SERVICE = { configure: "^trunkline\\.", write: "^(trunkline\\.|amq\\.default$)", read: "^trunkline\\." };
const SENDER = {
  configure: "^trunkline\\.(inbox|fanout|events?|control)",
  write: "^(trunkline\\.|amq\\.default$)",
  read: "^trunkline\\.(inbox|events)\\.",
};

async function openAs(user: string, permissions: typeof SERVICE): Promise<Transport> {
  await rabbit.control.addUser(user, "secret");
  onTestFinished(() => rabbit.control.deleteUser(user));
  await rabbit.control.setPermissions(user, rabbit.vhost, permissions);
  const transport = await openTransport(rabbit.url({ user, password: "secret" }), { drivers: [driver] });
  onTestFinished(() => transport.close());
  return transport;
}

describe.skipIf(!hasRabbitControl)("permissions on the broker", () => {
  test("those of docs/drivers/rabbit.md are enough: for a service, and for one that only sends", async () => {
    const service = await openAs("service", SERVICE);
    const seen: string[] = [];
    const note = ({ id }: { readonly id: string }): void => void seen.push(id);
    let holding = "";
    // Until its caller gives up (B7).
    const hold = ({ by }: { readonly by: string }, { signal }: ServerCall): Promise<void> => {
      holding = by;
      return new Promise((resolve) => {
        signal.addEventListener("abort", () => {
          holding = "";
          resolve();
        });
      });
    };
    const echo = ({ id }: { readonly id: string }): string => id;
    await service.serve({ topic: "work", server: "s1" }, { note, echo, hold });
    const handled = new Map<unknown, number>();
    await service.listen(
      [{ topic: "events" }],
      {
        info({ payload }, { attempt }) {
          handled.set(payload, attempt);
          return attempt === 1 ? REQUEUE : undefined;
        },
      },
      { pool: "audit", requeueDelayMs: 50 },
    );
    for (const [name, sender] of [
      ["service", service],
      ["sender", await openAs("sender", SENDER)],
    ] as const) {
      const client = sender.client({ topic: "work" });
      expect(await client.call("echo", { id: name })).toBe(name);
      expect(await client.to({ server: "s1" }).call("echo", { id: name })).toBe(name);
      await client.cast("note", { id: `cast of ${name}` });
      const controller = new AbortController();
      const held = client.call("hold", { by: name }, { signal: controller.signal });
      await until(() => holding === name);
      controller.abort();
      await expect(held).rejects.toMatchObject({ code: "ERR_ABORT" });
      await until(() => holding === "");
      await client.fanout("note", { id: `fanout of ${name}` });
      await sender.notifier({ publisherId: name, topics: ["events"] }).info("happened", name);
    }
    await until(() => seen.length === 4 && [...handled.values()].every((attempt) => attempt === 2));
    expect([...handled.keys()].toSorted()).toEqual(["sender", "service"]);
  });

  test("who may not write there is told so, and nothing has run", async () => {
    const service = await openAs("service", SERVICE);
    await service.serve({ topic: "work", server: "s1" }, { note: () => {} });
    const reader = await openAs("reader", { ...SERVICE, write: "^nothing$" });
    await expect(reader.client({ topic: "work" }).cast("note", {})).rejects.toMatchObject({ code: "ERR_AUTH" });
  });
});
