import type { Mutant } from "../mutant.js";
import { earlyAck, neverAck, requeueIsAck } from "./acknowledging.js";
import { closeLeak } from "./close-leak.js";
import { dropNth } from "./drop-nth.js";
import { dupNth } from "./dup-nth.js";
import { earlyStart } from "./early-start.js";
import { exchangeBlind } from "./exchange-blind.js";
import { flattenError, swallowError } from "./failures.js";
import { fanoutOne } from "./fanout-one.js";
import { ignoreServer } from "./ignore-server.js";
import { lateReply } from "./late-reply.js";
import { lyingAccept } from "./lying-accept.js";
import { mangle } from "./mangle.js";
import { noTimeout } from "./no-timeout.js";
import { oneToAll } from "./one-to-all.js";
import { claimingMore, overclaim } from "./overclaim.js";
import { poolMerge } from "./pool-merge.js";
import { prefixTopic } from "./prefix-topic.js";
import { doubleRejoin, noRejoin } from "./rejoining.js";
import { reorder } from "./reorder.js";
import { shareByRef } from "./share-by-ref.js";
import { silentIgnore, withoutOptions } from "./silent-ignore.js";
import { drainAbandons, zombieHandler } from "./stopping.js";
import { swapReplies } from "./swap-replies.js";

/** The mutants of the first tier, by which every edition of the kit is judged. */
export const TIER_A: readonly Mutant[] = Object.freeze([
  {
    id: "M01",
    name: "drop-nth",
    fault: "one cast or event in 37 is accepted and lost",
    killers: ["CONC-02", "CAST-03", "CAST-02", "CAST-08", "ORD-01", "ORD-02"],
    wrap: dropNth,
  },
  {
    id: "M02",
    name: "dup-nth",
    fault: "one message in three is delivered twice",
    killers: ["CALL-04", "ADDR-01", "CAST-03", "CAST-02", "FAN-02", "NOTE-04", "POOL-02"],
    wrap: dupNth,
  },
  {
    id: "M03",
    name: "one-to-all",
    fault: "a request for one server of a topic goes to each that listens there",
    killers: ["FAN-06", "ADDR-04", "CALL-04", "CAST-03"],
    wrap: oneToAll,
  },
  {
    id: "M04",
    name: "fanout-one",
    fault: "a fanout reaches one server of its topic",
    killers: ["FAN-03", "FAN-06", "FAN-02", "FAN-01"],
    wrap: fanoutOne,
  },
  {
    id: "M05",
    name: "swap-replies",
    fault: "of two calls in flight each gets the other's answer",
    killers: ["CTX-02", "CALL-07", "CALL-05", "CALL-06"],
    wrap: swapReplies,
  },
  {
    id: "M07",
    name: "ignore-server",
    fault: "a message for one server goes to any on its topic",
    killers: ["CALL-11", "ADDR-03", "ADDR-01", "ADDR-02"],
    wrap: ignoreServer,
  },
  {
    id: "M08",
    name: "prefix-topic",
    fault: "a message goes to who listens on the beginning of its topic",
    killers: ["ISO-02", "FAN-05", "ISO-03"],
    wrap: prefixTopic,
  },
  {
    id: "M09",
    name: "exchange-blind",
    fault: "exchanges are no part of an address",
    killers: ["FAN-10", "ISO-01"],
    wrap: exchangeBlind,
  },
  {
    id: "M11",
    name: "swallow-error",
    fault: "where a handler fails, its caller gets null",
    killers: ["ERR-05", "ERR-01", "ERR-04", "ERR-02", "ERR-07"],
    wrap: swallowError,
  },
  {
    id: "M12",
    name: "flatten-error",
    fault: "every failure arrives as the same error, without type, message or details",
    killers: ["ERR-01", "ERR-02", "ISO-09", "ERR-03"],
    wrap: flattenError,
  },
  {
    id: "M13",
    name: "no-timeout",
    fault: "deadlines do not travel, and what waits is given up at none",
    killers: ["TIME-16", "ERR-12", "CAST-07", "TIME-14"],
    wrap: noTimeout,
  },
  {
    id: "M14",
    name: "late-reply",
    fault: "the reply to a call that was given up goes to another call",
    killers: ["TIME-08", "TIME-04"],
    wrap: lateReply,
  },
  {
    id: "M16",
    name: "close-leak",
    fault: "a closed transport leaves timers",
    killers: ["LIFE-09", "LIFE-17", "LIFE-08", "LIFE-11"],
    wrap: closeLeak,
  },
  {
    id: "M17",
    name: "zombie-handler",
    fault: "a listener that has stopped goes on taking messages, which nobody handles",
    killers: ["LIFE-21", "FAN-04", "LIFE-04", "LIFE-16", "LIFE-07"],
    wrap: zombieHandler,
  },
  {
    id: "M18",
    name: "drain-abandons",
    fault: "what handlers answer after stop() was called reaches nobody",
    killers: ["LIFE-17", "LIFE-03", "LIFE-16"],
    wrap: drainAbandons,
  },
  {
    id: "M19",
    name: "early-ack",
    fault: "an event is acknowledged before anything has handled it",
    killers: ["NOTE-15", "LIFE-05"],
    wrap: earlyAck,
  },
  {
    id: "M20",
    name: "never-ack",
    fault: "events that were handled are never acknowledged",
    killers: ["NOTE-10", "NOTE-13"],
    wrap: neverAck,
  },
  {
    id: "M21",
    name: "requeue-is-ack",
    fault: "an event that is asked for again is acknowledged",
    killers: ["RQ-02", "RQ-01", "BATCH-06"],
    wrap: requeueIsAck,
  },
  {
    id: "M23",
    name: "pool-merge",
    fault: "all listeners of a topic are one pool",
    killers: ["POOL-03", "POOL-01"],
    wrap: poolMerge,
  },
  {
    id: "M25",
    name: "reorder",
    fault: "one message in ten changes places with the next",
    killers: ["ORD-01", "ORD-05", "ORD-02", "ORD-03"],
    wrap: reorder,
  },
  {
    id: "M28",
    name: "no-rejoin",
    fault: "after a cut the listeners are deaf",
    killers: ["FLT-21", "FLT-22"],
    wrap: noRejoin,
  },
  {
    id: "M29",
    name: "double-rejoin",
    fault: "after a cut every message is handled twice",
    killers: ["FLT-22", "FLT-21"],
    wrap: doubleRejoin,
  },
  {
    id: "M30",
    name: "lying-accept",
    fault: "a cast or an event is accepted before it is sent, and close() forgets it",
    killers: ["ERR-12", "CAST-05"],
    wrap: lyingAccept,
  },
  {
    id: "M32",
    name: "mangle",
    fault: "values go through plain JSON, which has no bytes, dates, large integers or NaN",
    killers: ["PAY-12", "PAY-03", "PAY-13", "PAY-04"],
    wrap: mangle,
  },
  {
    id: "M33",
    name: "share-by-ref",
    fault: "a listener of the same process gets the very objects that were sent",
    killers: ["PAY-08", "PAY-09", "PAY-14", "CTX-01"],
    wrap: shareByRef,
  },
  {
    id: "M35",
    name: "overclaim",
    fault: "pools, requeue and events that wait are claimed, and there are none",
    killers: ["POOL-01", "POOL-04", "RQ-01"],
    wrap: overclaim,
    claims: claimingMore,
  },
  {
    id: "M36",
    name: "silent-ignore",
    fault: "options and names that the manifest does not claim are accepted, and ignored",
    killers: [
      "MAN-06",
      "PAY-R2",
      "TIME-R1",
      "PAY-R1",
      "ISO-R2",
      "PAY-R3",
      "MAN-04",
      "NOTE-R4",
      "POOL-R1",
      "MAN-01",
      "ISO-R1",
    ],
    wrap: silentIgnore,
    claims: withoutOptions,
  },
  {
    id: "M38",
    name: "early-start",
    fault: "listen() resolves 30 ms before anything is heard",
    killers: ["FAN-01", "FAN-03", "FAN-02", "NOTE-01", "LIFE-01"],
    wrap: earlyStart,
  },
]);
