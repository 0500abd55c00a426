import { createHash } from "node:crypto";
import { MessageTooLargeError } from "@trunkline/core";
import type { ConformanceCase } from "../case.js";
import { atMost, check, sameValue } from "../check.js";
import { rpcProbe } from "../probes.js";

const MIB = 1024 * 1024;

/** Around the places where wire formats change the width of a length, and frames end. */
const SIZES: readonly number[] = [
  0,
  1,
  31,
  32,
  127,
  128,
  255,
  256,
  4_095,
  4_096,
  4_097,
  65_535,
  65_536,
  65_537,
  131_072,
  MIB,
  4 * MIB,
];

/** The largest limit that a case fills: beyond it the memory, not the driver, would be tested. */
const LARGEST_TRIED = 64 * MIB;

/** What an envelope may take beside its contents. */
const ENVELOPE_BYTES = 8_192;

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** D4: every size up to the limit arrives whole; beyond it the sender is told, and nothing breaks. */
export const payloadSizeCases: readonly ConformanceCase[] = [
  {
    id: "PAY-06",
    title: "texts of 0 bytes to the manifest's limit arrive whole, both ways",
    group: "payloads",
    clauses: ["D2", "D4"],
    needs: ["rpc"],
    timeoutMs: 60_000,
    async run(t) {
      const topic = t.name("sizes");
      const endpoint = {
        measure: ({ text }: { text: string }) => ({ length: text.length, digest: digest(text) }),
        make: ({ size, fill }: { size: number; fill: string }) => fill.repeat(size),
      };
      await t.serve(await t.open(), { topic, server: "s1" }, endpoint);
      const client = (await t.open()).client({ topic }, { timeoutMs: t.ms(20_000) });
      const limit = t.claims.maxMessageBytes;
      const sizes = SIZES.filter((size) => size + ENVELOPE_BYTES <= limit);
      if (limit <= LARGEST_TRIED) sizes.push(limit - ENVELOPE_BYTES);
      else t.note(`the limit of ${limit} bytes is beyond what this case tries`);
      for (const size of sizes) {
        const fill = String.fromCharCode(97 + Math.floor(t.random() * 26));
        const text = fill.repeat(size);
        const there = await t.within(`${size} bytes there`, client.call("measure", { text }), 20_000);
        sameValue(`${size} bytes at the handler`, there, { length: size, digest: digest(text) });
        const back = await t.within(`${size} bytes back`, client.call<string>("make", { size, fill }), 20_000);
        check(back.length === size && back === text, `${size} bytes came back as ${back.length}, or changed`);
        t.saw(2);
      }
    },
  },
  {
    id: "PAY-07",
    title: "a message over the limit is refused at the sender, a reply over it at the caller; all else goes on",
    group: "payloads",
    clauses: ["D4", "G"],
    needs: ["rpc"],
    proves: ["maxMessageBytes"],
    timeoutMs: 60_000,
    async run(t) {
      const limit = t.claims.maxMessageBytes;
      if (limit > LARGEST_TRIED) {
        t.isUnproven = true;
        t.note(`the limit of ${limit} bytes is beyond what this case tries`);
        return;
      }
      const history = t.history();
      const topic = t.name("sizes");
      const endpoint = { ...rpcProbe(history, "s1"), make: () => "x".repeat(limit + 1) };
      await t.serve(await t.open(), { topic, server: "s1" }, endpoint);
      const transport = await t.open();
      const client = transport.client({ topic }, { timeoutMs: t.ms(20_000) });
      const text = "x".repeat(limit + 1);
      const call = await t.rejects("a call", client.call("echo", { id: "large", text }), MessageTooLargeError);
      check(!call.remote, "the request was refused by the other side, not by the sender");
      sameValue("the limit", call.maxMessageBytes, limit);
      await t.rejects("a cast", client.cast("note", { id: "large", text }), MessageTooLargeError);
      if (t.claims.events) {
        const notifier = transport.notifier({ publisherId: "kit", topics: [topic] });
        await t.rejects("an event", notifier.info("kit.large", { id: "large", text }), MessageTooLargeError);
      }
      const reply = await t.rejects("a reply", client.call("make"), MessageTooLargeError);
      check(reply.remote, "the error of an oversized reply does not say that the handler ran (remote)");
      await history.record("m1", [["s1"]], () => client.call("echo", { id: "m1" }));
      await t.verify(history);
    },
  },
  {
    id: "PAY-11",
    title: "while large replies travel, small calls of the same client go on",
    group: "payloads",
    clauses: ["B9", "D4"],
    needs: ["rpc"],
    timeoutMs: 60_000,
    async run(t) {
      const topic = t.name("sizes");
      const size = Math.min(4 * MIB, t.claims.maxMessageBytes - ENVELOPE_BYTES);
      const endpoint = { make: () => "x".repeat(size), alive: () => "yes" };
      await t.serve(await t.open(), { topic, server: "s1" }, endpoint);
      const client = (await t.open()).client({ topic }, { timeoutMs: t.ms(20_000) });
      const large = Promise.all(Array.from({ length: 4 }, () => client.call<string>("make")));
      const outcome = large.catch((error: unknown) => error);
      let slowestMs = 0;
      for (let n = 0; n < 50; n++) {
        const began = performance.now();
        sameValue("a small call", await t.within("a small call", client.call("alive")), "yes");
        slowestMs = Math.max(slowestMs, performance.now() - began);
        t.saw();
      }
      const texts = await t.within("the large replies", outcome, 20_000);
      check(Array.isArray(texts) && texts.every((text) => text.length === size), "a large reply was cut, or failed");
      atMost("milliseconds of the slowest small call", slowestMs, t.ms(2_000));
    },
  },
];
