/** The tables of the docs that are data elsewhere: the drivers' manifests, and the kit's cases by clause. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ALL_CASES, CLAUSES, provenKeys } from "@trunkline/conformance";
import { CAPABILITY_KEYS } from "@trunkline/core";
import { DRIVERS, manifestOf } from "./conformance-drivers.mjs";
import { ROOT } from "./processes.mjs";

const COMMAND = "npm run conformance -- --tables";
const HOW_MANY_PROOFS = 4;

/** What each key of the manifest means to an application. */
const MEANINGS = {
  rpc: "calls and casts",
  events: "notifications",
  fanout: "a cast to every server of a topic",
  serverDirected: "a call or a cast to one server by its name",
  exchanges: "a topic on two exchanges is two addresses",
  exactNames: "any name is taken and stays apart from every other",
  pools: "listeners in one pool share the events",
  requeue: "a listener hands an event back",
  redelivery: "what a listener held when it died goes to another of its pool",
  batches: "a listener takes events by the batch",
  streaming: "a call with many replies",
  cancel: "a caller's abort reaches the handler",
  callMonitor: "a long call is known to be alive",
  binary: "bytes in a payload",
  bigint: "bigint in a payload",
  date: "Date in a payload",
  gracefulDrain: "servers restart one after another and no call fails",
  storesOffline: "events wait for a pool whose listeners are all away",
  crossProcess: "between processes",
  realms: "the URL's path keeps applications apart",
  failover: "several hosts in one URL",
  tls: "TLS",
  auth: "credentials",
  redeliveryInfo: "a delivery says how often it came before",
  acceptance: "who has a message when a cast, or an event, resolves",
  undeliverable: "what is told when nobody listens",
  peerDeath: "how a caller learns that the server holding its call died",
  ordering: "casts of one client to one target keep their order",
  backpressure: "what a sender meets when its queue is full",
  eventContext: "what of the context goes with an event: all but secrets, or a list",
  maxMessageBytes: "the longest message, in bytes",
  detectionMs: "the longest time until a dead peer is known",
  joinLatencyMs: "how long a peer may miss a new server or listener",
  recoveryMs: "all works again so long after the backend's return",
  duplicateWindow: "how far back a second copy is recognised",
};

/** The few rows of the README of the repository: what they say, and the value that they show. */
const SHORT = [
  ["who has a cast when it resolves", (claims) => claims.acceptance.casts],
  ["who has an event when it resolves", (claims) => claims.acceptance.events],
  ["events wait for listeners that are away", (claims) => claims.storesOffline],
  ["what a dead listener held goes to another", (claims) => claims.redelivery],
  ["what a message to nobody is told", (claims) => claims.undeliverable],
  ["a caller's abort reaches the handler", (claims) => claims.cancel],
  ["bytes, bigint and Date in payloads", (claims) => claims.binary && claims.bigint && claims.date],
  ["between processes", (claims) => claims.crossProcess],
  ["several hosts, TLS, credentials", (claims) => claims.failover && claims.tls && claims.auth],
];

const TABLES = [
  { file: join("docs", "drivers", "README.md"), name: "claims", rows: claimRows },
  { file: "README.md", name: "drivers", rows: shortRows },
  { file: join("docs", "conformance.md"), name: "clauses", rows: clauseRows },
];

/** Writes the tables, or with `isCheck` only says which are stale. Resolves with the exit code. */
export async function tables({ isCheck }) {
  const names = Object.keys(DRIVERS);
  const manifests = await Promise.all(names.map(manifestOf));
  let stale = 0;
  for (const { file, name, rows } of TABLES) {
    const path = join(ROOT, file);
    const text = readFileSync(path, "utf8");
    const wanted = withTable(text, file, name, rows(names, manifests));
    if (wanted === text) continue;
    stale++;
    if (!isCheck) writeFileSync(path, wanted);
    console.error(
      isCheck ? `stale: the table "${name}" of ${file}; ${COMMAND}` : `wrote the table "${name}" of ${file}`,
    );
  }
  return isCheck && stale > 0 ? 1 : 0;
}

function claimRows(names, manifests) {
  const strange = CAPABILITY_KEYS.filter((key) => !Object.hasOwn(MEANINGS, key));
  if (strange.length > 0)
    throw new Error(`scripts/driver-tables.mjs does not say what these mean: ${strange.join(", ")}`);
  return [
    ["claim", ...names.map((name) => `\`${DRIVERS[name].url}\``), "what it is", "proven by"],
    ...CAPABILITY_KEYS.map((key) => [
      `\`${key}\``,
      ...manifests.map((claims) => shown(claims[key])),
      MEANINGS[key],
      proofsOf(key),
    ]),
  ];
}

function shortRows(names, manifests) {
  return [
    ["", ...names.map((name) => `\`${DRIVERS[name].url}\``)],
    ...SHORT.map(([what, claimOf]) => [what, ...manifests.map((claims) => shown(claimOf(claims)))]),
  ];
}

function clauseRows() {
  return [
    ["clause", "what it says", "cases", "which"],
    ...CLAUSES.map(({ id, title }) => {
      const ids = ALL_CASES.filter(({ clauses }) => clauses.includes(id)).map((test) => test.id);
      return [id, title, String(ids.length), ids.length === 0 ? "none yet" : ids.join(" ")];
    }),
  ];
}

/** Cases whose pass proves a claim; the first few stand for all. What is not claimed, its refusal case asks for. */
function proofsOf(key) {
  const ids = ALL_CASES.filter((test) => !test.needs.some((need) => need.startsWith("!")))
    .filter((test) => provenKeys(test).includes(key))
    .map(({ id }) => id);
  return `${ids.slice(0, HOW_MANY_PROOFS).join(" ")}${ids.length > HOW_MANY_PROOFS ? " …" : ""}`;
}

function shown(claim) {
  if (typeof claim === "boolean") return claim ? "yes" : "no";
  if (typeof claim === "number") return claim.toLocaleString("en").replaceAll(",", " ");
  if (typeof claim !== "object") return claim;
  return Object.entries(claim)
    .map(([key, value]) => `${key} ${shown(value)}`)
    .join(", ");
}

/** The page with the table between its two markers, padded so that it reads as text too. */
function withTable(text, file, name, rows) {
  const [start, end] = [`<!-- table ${name}: ${COMMAND} -->`, `<!-- end of table ${name} -->`];
  const [from, to] = [text.indexOf(start), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${file} lacks the lines ${start} and ${end}`);
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const [head, ...body] = rows;
  const table = [line(head), `|${head.map(() => "---").join("|")}|`, ...body.map(line)].join("\n");
  return `${text.slice(0, from)}${start}\n\n${table}\n\n${text.slice(to)}`;
}
