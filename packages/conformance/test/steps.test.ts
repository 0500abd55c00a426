import { expect, test } from "vitest";
import type { ConformanceCase } from "../src/case.js";
import { GROUPS, type Group } from "../src/group.js";
import { bySteps, STEPS } from "../src/steps.js";

const caseOf = (id: string, group: Group): ConformanceCase => ({
  id,
  title: id,
  group,
  clauses: ["B1"],
  needs: [],
  run: async () => {},
});

test("each group is one step, and what looks back at a run is the last", () => {
  expect(STEPS.toSorted()).toEqual([...GROUPS].toSorted());
  expect(STEPS.at(-1)).toBe("review");
});

test("cases come by step, and within a step as they were", () => {
  const cases = [caseOf("A", "pools"), caseOf("B", "rpc.call"), caseOf("C", "manifest"), caseOf("D", "rpc.call")];
  expect(bySteps(cases).map(({ id }) => id)).toEqual(["C", "B", "D", "A"]);
});
