import type { Mutant } from "../mutant.js";
import { abortNoop } from "./abort-noop.js";
import { batchEdge } from "./batch-edge.js";
import { contextBleed } from "./context-bleed.js";
import { fifoReplies } from "./fifo-replies.js";
import { heartbeatDead } from "./heartbeat-dead.js";
import { noBackpressure } from "./no-backpressure.js";
import { noisyNeighbour } from "./noisy-neighbour.js";
import { pendingLeak } from "./pending-leak.js";
import { poolSplit } from "./pool-split.js";
import { priorityDrop } from "./priority-drop.js";
import { requeueWide } from "./requeue-wide.js";
import { secretLeak } from "./secret-leak.js";
import { serialHandlers } from "./serial-handlers.js";
import { sharedState } from "./shared-state.js";
import { spaceLeak } from "./space-leak.js";
import { starve } from "./starve.js";
import { truncate } from "./truncate.js";
import { trustsWire } from "./trusts-wire.js";
import { undeliverableSilent } from "./undeliverable-silent.js";
import { wrongLayer } from "./wrong-layer.js";

/** The mutants of the second tier: faults in what a driver does beyond carrying messages to the right place. */
export const TIER_B: readonly Mutant[] = Object.freeze([
  {
    id: "M06",
    name: "fifo-replies",
    fault: "a reply goes to the call that has waited longest, whatever it answers",
    killers: ["CALL-05", "CALL-06"],
    wrap: fifoReplies,
  },
  {
    id: "M10",
    name: "space-leak",
    fault: "realms are no part of an address",
    killers: ["ISO-04", "ISO-05"],
    wrap: spaceLeak,
  },
  {
    id: "M15",
    name: "pending-leak",
    fault: "a call that was given up leaves an entry with a timer",
    killers: ["TIME-05", "ERR-13"],
    wrap: pendingLeak,
  },
  {
    id: "M22",
    name: "requeue-wide",
    fault: "an event that is asked for again is emitted anew, to every pool, under another id",
    killers: ["POOL-05", "RQ-01", "RQ-05"],
    wrap: requeueWide,
  },
  {
    id: "M24",
    name: "pool-split",
    fault: "each member of a pool gets every event",
    killers: ["POOL-02", "POOL-06"],
    wrap: poolSplit,
  },
  {
    id: "M26",
    name: "serial-handlers",
    fault: "a server gets one request at a time, whatever its concurrency",
    killers: ["CALL-05", "CONC-01", "TIME-06", "CALL-06"],
    wrap: serialHandlers,
  },
  {
    id: "M27",
    name: "no-backpressure",
    fault: "a listener gets all that there is, whatever its credit",
    killers: ["CONC-09", "CONC-03"],
    wrap: noBackpressure,
  },
  {
    id: "M31",
    name: "truncate",
    fault: "texts and bytes are cut after 64 KiB",
    killers: ["PAY-06", "PAY-11"],
    wrap: truncate,
  },
  {
    id: "M34",
    name: "context-bleed",
    fault: "what a listener has in hand shares the context of the message that came last",
    killers: ["CTX-02", "CTX-03"],
    wrap: contextBleed,
  },
  {
    id: "M37",
    name: "wrong-layer",
    fault: "trouble with a connection or with credentials is told as a timeout",
    killers: ["ERR-09", "SEC-01"],
    wrap: wrongLayer,
  },
  {
    id: "M39",
    name: "priority-drop",
    fault: "events of the priority sample are accepted and lost",
    killers: ["BATCH-03", "NOTE-01"],
    wrap: priorityDrop,
  },
  {
    id: "M40",
    name: "batch-edge",
    fault: "the last batch is lost where it is not full",
    killers: ["BATCH-02", "BATCH-07", "BATCH-01"],
    wrap: batchEdge,
  },
  {
    id: "M41",
    name: "abort-noop",
    fault: "what its sender aborts goes on",
    killers: ["TIME-13", "TIME-18"],
    wrap: abortNoop,
  },
  {
    id: "M42",
    name: "noisy-neighbour",
    fault: "a listener that is busy stalls the others of its transport",
    killers: ["CALL-08", "CONC-05"],
    wrap: noisyNeighbour,
  },
  {
    id: "M43",
    name: "shared-state",
    fault: "the transports of a process share one driver, which ends with the first that closes",
    killers: ["ISO-08", "LIFE-16", "CAST-05"],
    wrap: sharedState,
  },
  {
    id: "M44",
    name: "trusts-wire",
    fault: "a key called __proto__ becomes the prototype of the object that it came in",
    killers: ["PAY-10"],
    wrap: trustsWire,
  },
  {
    id: "M45",
    name: "secret-leak",
    fault: "errors tell the password of the URL",
    killers: ["ERR-14"],
    before: ["ERR-11"],
    wrap: secretLeak,
  },
  {
    id: "M46",
    name: "undeliverable-silent",
    fault: "a sender to nobody waits for its deadline",
    killers: ["ADDR-03", "ERR-11", "ERR-12"],
    wrap: undeliverableSilent,
  },
  {
    id: "M47",
    name: "starve",
    fault: "the server that came first gets all that goes to its topic",
    killers: ["CAST-08", "CONC-03"],
    wrap: starve,
  },
  {
    id: "M48",
    name: "heartbeat-dead",
    fault: "no beat of a server reaches its caller",
    killers: ["TIME-10", "TIME-17"],
    wrap: heartbeatDead,
  },
]);
