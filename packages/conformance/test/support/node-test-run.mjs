// Run by `node --test`, not by vitest: one case that passes, one that fails, one that hangs.
import * as nodeTest from "node:test";
import { harnessFromUrl, nodeTestPort, registerConformance } from "@trunkline/conformance";

const caseOf = (id, run, more) => ({ id, title: id, group: "rpc.call", clauses: ["B1"], needs: [], run, ...more });

registerConformance(nodeTestPort(nodeTest), harnessFromUrl("fake://node-test"), {
  cases: [
    caseOf("GOOD-1", async (t) => t.saw()),
    caseOf("BAD-1", async () => {
      throw new Error("it is not so");
    }),
    caseOf("HANG-1", () => new Promise(() => {}), { timeoutMs: 100 }),
  ],
  onReport: ({ counts, level }) => console.log(`told: ${counts.pass} pass, ${counts.fail} fail, level ${level}`),
});
