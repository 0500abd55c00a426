import type { ConformanceCase } from "../case.js";
import { sameValue } from "../check.js";

interface Box {
  readonly id: string;
  list: number[];
}

/** D2: values travel as copies; nobody's later changes show anywhere else. */
export const payloadCopyCases: readonly ConformanceCase[] = [
  {
    id: "PAY-08",
    title: "params changed right after the call, and results changed by the handler, do not travel",
    group: "payloads",
    clauses: ["D2"],
    needs: ["rpc"],
    async run(t) {
      const topic = t.name("values");
      const kept: { result: number[] } = { result: [1, 2] };
      const got: Box[] = [];
      const endpoint = {
        change(box: Box) {
          got.push({ id: box.id, list: [...box.list] });
          box.list.push(99);
          return kept.result;
        },
      };
      await t.serve(await t.open(), { topic, server: "s1" }, endpoint);
      const client = (await t.open()).client({ topic });
      const box: Box = { id: "m1", list: [1, 2, 3] };
      const call = client.call<number[]>("change", box);
      box.list.push(4);
      const result = await t.within("the call", call);
      sameValue("what the handler got", got[0]?.list, [1, 2, 3]);
      sameValue("the caller's own object", box.list, [1, 2, 3, 4]);
      sameValue("the result", result, [1, 2]);
      result.push(77);
      kept.result.push(3);
      sameValue("the result of the handler after the caller changed its copy", kept.result, [1, 2, 3]);
      sameValue("the caller's copy after the handler changed its own", result, [1, 2, 77]);
      const second: Box = { id: "m2", list: [5] };
      const cast = t.later(client.cast("change", second));
      second.list = [6];
      await t.within("the cast", cast);
      await t.until("the cast's handler", () => got.length === 2);
      sameValue("what the cast's handler got", got[1]?.list, [5]);
      t.saw(2);
    },
  },
  {
    id: "PAY-09",
    title: "three servers change the params of one fanout: none sees another's change",
    group: "payloads",
    clauses: ["A4", "D2"],
    needs: ["rpc", "fanout"],
    async run(t) {
      const topic = t.name("values");
      const seen: number[][] = [];
      const host = await t.open();
      for (const server of ["s1", "s2", "s3"]) {
        const change = (box: Box): void => {
          seen.push([...box.list]);
          box.list.push(seen.length);
        };
        await t.serve(host, { topic, server }, { change });
      }
      const client = (await t.open()).client({ topic });
      await t.within("the fanout", client.fanout("change", { id: "m1", list: [0] }));
      await t.until("three handlers", () => seen.length === 3);
      t.saw(seen.length);
      sameValue("what each server got", seen, [[0], [0], [0]]);
    },
  },
  {
    id: "PAY-14",
    title: "two listeners of different pools change one event's payload: neither sees the other's change",
    group: "payloads",
    clauses: ["C3", "D2"],
    needs: ["events", "pools"],
    async run(t) {
      const topic = t.name("events");
      const seen: string[] = [];
      const host = await t.open();
      for (const pool of ["p", "q"]) {
        const info = ({ payload }: { payload: unknown }): void => {
          seen.push(JSON.stringify(payload));
          if (typeof payload === "object" && payload !== null) Object.assign(payload, { changed: pool });
        };
        await t.listen(host, topic, { info }, { pool });
      }
      const notifier = (await t.open()).notifier({ publisherId: "kit", topics: [topic] });
      const payload = { value: 1 };
      const emitted = notifier.info("kit.event", payload);
      payload.value = 2;
      await t.within("the event", emitted);
      await t.until("two handlers", () => seen.length === 2);
      t.saw(seen.length);
      sameValue("what each listener got", seen, ['{"value":1}', '{"value":1}']);
    },
  },
];
