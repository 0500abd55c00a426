import type { RpcServer } from "@trunkline/core";
import { check } from "../check.js";
import { type CaseContext, pause } from "../context.js";
import { rpcProbe } from "../probes.js";

const BETWEEN_CHANGES_MS = 50;
const LANES = 8;
const WINDOW = 1_000;

/** Two of four servers are there at any time, and one of them is replaced every 50 ms, while casts and calls stream (STR-04). */
export async function runChurn(t: CaseContext, ms: number): Promise<void> {
  const history = t.history();
  const topic = t.name("churn");
  const names = ["s1", "s2", "s3", "s4"];
  const hosts = [await t.open(), await t.open()];
  const sender = await t.open();
  let toldLost = 0;
  for (const transport of [...hosts, sender]) transport.events.on("castsLost", ({ count }) => (toldLost += count));
  const serve = async (turn: number): Promise<RpcServer> => {
    const [host, server] = [hosts[turn % hosts.length] ?? sender, names[turn % names.length] ?? "s1"];
    return await t.serve(host, { topic, server }, rpcProbe(history, server));
  };
  const live = [await serve(0), await serve(1)];
  const client = sender.client({ topic });
  const endAt = performance.now() + ms;
  let number = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() < endAt && number < 200_000) {
      const id = `m${number++}`;
      if (number % 4 === 0) await history.record(id, [names], () => client.call("echo", { id }));
      else await history.record(id, [names], () => client.cast("note", { id }));
      if (number % 16 === 0) await pause(1);
    }
  };
  const lanes = Array.from({ length: LANES }, lane);
  let turn = 2;
  while (performance.now() < endAt) {
    await pause(BETWEEN_CHANGES_MS);
    live.push(await serve(turn++));
    const leaving = live.shift();
    if (leaving !== undefined) await t.within("a server to stop", leaving.stop());
  }
  await t.within("the last sends to have an outcome", Promise.all(lanes), 20_000);
  const judgement = await t.verify(history);
  check(toldLost === 0, `${toldLost} casts were told as lost, though servers left in good order (E3)`);
  t.note(`${judgement.sent} sent while servers changed ${turn - 2} times`);
}

/** Many small casts as fast as they are taken; the rate is told, the loss judged (STR-05). */
export async function runCastFlood(t: CaseContext, casts: number): Promise<void> {
  const topic = t.name("flood");
  const seen = new Uint8Array(casts);
  let handled = 0;
  const note = ({ n }: { readonly n: number }): void => {
    seen[n] = (seen[n] ?? 0) + 1;
    handled++;
  };
  await t.serve(await t.open(), { topic, server: "s1" }, { note });
  const client = (await t.open()).client({ topic });
  const startedAt = performance.now();
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < casts) {
      const n = next++;
      await client.cast("note", { n });
    }
  };
  const sending = Promise.all(Array.from({ length: Math.min(WINDOW, casts) }, lane));
  await t.within("the casts to be accepted", sending, 500_000);
  let before = -1;
  while (handled < casts && handled !== before) {
    before = handled;
    const idleUntil = performance.now() + t.ms(t.timing.idleMs);
    while (handled === before && performance.now() < idleUntil) await pause(2);
  }
  const seconds = (performance.now() - startedAt) / 1_000;
  await t.quiet();
  t.saw(handled);
  const lost = seen.reduce((sum, count) => sum + (count === 0 ? 1 : 0), 0);
  const twice = seen.reduce((sum, count) => sum + (count > 1 ? 1 : 0), 0);
  check(lost === 0 && twice === 0, `of ${casts} casts ${lost} were lost, and ${twice} handled more than once`);
  t.note(`${casts} casts, ${Math.round(casts / seconds)} a second`);
}
