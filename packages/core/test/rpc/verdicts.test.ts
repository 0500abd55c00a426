import { expect, test } from "vitest";
import { MessageTooLargeError } from "../../src/errors.js";
import { Beats } from "../../src/kit/beats.js";
import { Verdicts } from "../../src/rpc/verdicts.js";
import type { Delivery } from "../../src/seam.js";
import { ManualClock } from "../../src/testing/manual-clock.js";
import type { TransportCore } from "../../src/transport-core.js";

test("where not even the reason can travel, the request is settled all the same and somebody is warned", () => {
  const warnings: string[] = [];
  const verdicts: string[] = [];
  const core = { warn: (message: string) => void warnings.push(message) };
  const delivery = {
    message: { kind: "request", method: "m" },
    wantsReply: true,
    settle(verdict: string) {
      verdicts.push(verdict);
      if (verdict === "done") throw new MessageTooLargeError("too large", 1);
    },
  };
  // Only what Verdicts uses of them.
  const settling = new Verdicts(core as unknown as TransportCore, new Beats(new ManualClock()));
  settling.settle(delivery as unknown as Delivery, { ok: true, value: 1 });
  expect(verdicts).toEqual(["done", "done", "reject"]);
  expect(warnings).toEqual([expect.stringContaining("the caller of m")]);
});
