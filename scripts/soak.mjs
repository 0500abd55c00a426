/**
 * A load for as long as is asked, with faults at random where the harness can make them; what each process holds is watched.
 *
 *   npm run soak -- --minutes N [URL] [--seed N] [--json]
 *
 * Without a URL: zmq://. A scheme alone, such as rabbit://, is the driver's own harness, with a broker that is killed and frozen.
 */
import { parseArgs } from "node:util";
import { GROWTH, runConformance, soakCase } from "@trunkline/conformance";
import { endProgress, harnessOf, progressLine, readNumber, table } from "./harnesses.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: "string" }, seed: { type: "string" }, json: { type: "boolean" } },
});
const minutes = readNumber("minutes", values.minutes, 10);
const seed = readNumber("seed", values.seed, Math.floor(Math.random() * 2 ** 31));
const url = positionals[0] ?? "zmq://";

const mib = (bytes) => (bytes / 1024 / 1024).toFixed(1);
const rounds = [];
const report = await runConformance({
  harness: harnessOf(url),
  seed,
  cases: [
    soakCase({
      seconds: minutes * 60,
      onRound(round) {
        rounds.push(round);
        const heap = round.footprints.map(({ heapBytes }) => mib(heapBytes)).join(" ");
        progressLine(
          `${url} ${Math.round(round.ms / 1_000)} s of ${minutes * 60}: ${round.sent} sent, ${round.handled} handled, ` +
            `${round.notAccepted} not accepted, heap ${heap} MiB`,
        );
      },
    }),
  ],
});
endProgress();
const [result] = report.cases;
if (values.json === true) {
  console.log(JSON.stringify({ report, rounds }, null, 2));
} else {
  const [first, last] = [rounds[1] ?? rounds[0], rounds.at(-1)];
  const rows = [["verdict", "", result?.verdict ?? "none"]];
  if (first !== undefined && last !== undefined) {
    rows.push(["sent", "", last.sent], ["handled", "", last.handled], ["not accepted", "", last.notAccepted]);
    rows.push(["casts told as lost", "", last.toldLost]);
    for (const [name, count] of Object.entries(last.faults)) rows.push([`fault: ${name}`, "", count]);
    for (const [index, end] of last.footprints.entries()) {
      const start = first.footprints[index];
      rows.push([
        `p${index + 1}: heap, MiB (+${mib(GROWTH.heapBytes)} at most)`,
        mib(start.heapBytes),
        mib(end.heapBytes),
      ]);
      rows.push([`p${index + 1}: handles (+${GROWTH.handles} at most)`, start.handles, end.handles]);
      rows.push([`p${index + 1}: open files (+${GROWTH.handles} at most)`, start.openFiles ?? "", end.openFiles ?? ""]);
    }
    for (const [name, count] of Object.entries(last.residue ?? {})) {
      rows.push([`backend: ${name} (+${GROWTH.residue} at most)`, first.residue?.[name] ?? 0, count]);
    }
  }
  console.log(table(["", "at first", "at the end"], rows));
  if (result?.detail !== undefined) console.log(result.detail);
  console.log(`seed ${seed}`);
}
process.exitCode = report.passed ? 0 : 1;
