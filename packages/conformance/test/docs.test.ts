import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { CLAUSES } from "../src/clauses.js";
import { ALL_CASES } from "../src/suite/all-cases.js";

const read = (page: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../docs/${page}`, import.meta.url)), "utf8");

test("docs/conformance.md lists every clause with its cases", () => {
  const rows = read("conformance.md").match(/^\| [A-I]\d* \|.*$/gm);
  const expected = CLAUSES.map(({ id, title }) => {
    const ids = ALL_CASES.filter(({ clauses }) => clauses.includes(id)).map((one) => one.id);
    return `| ${id} | ${title} | ${ids.length} | ${ids.length === 0 ? "none yet" : ids.join(" ")} |`;
  });
  expect(rows).toEqual(expected);
});

test("the clauses are those of docs/semantics.md, in its order", () => {
  const lettered = [...read("semantics.md").matchAll(/^\*\*([A-I]\d+)\.\*\*/gm)].map(([, id]) => id);
  expect(CLAUSES.map(({ id }) => id).filter((id) => /\d/.test(id))).toEqual(lettered);
});

test("every case has an id of its own, a title and clauses that exist", () => {
  const known = new Set(CLAUSES.map(({ id }) => id));
  expect(new Set(ALL_CASES.map(({ id }) => id)).size).toBe(ALL_CASES.length);
  for (const { id, title, clauses } of ALL_CASES) {
    expect(id).toMatch(/^[A-Z]+-R?\d+$/);
    expect(title.length, id).toBeGreaterThan(20);
    expect(clauses.length, id).toBeGreaterThan(0);
    expect(
      clauses.filter((clause) => !known.has(clause)),
      id,
    ).toEqual([]);
  }
});

test("what a case needs at first, it names: each refusal has the claim that it is the other side of", () => {
  const positive = new Set(ALL_CASES.flatMap(({ needs }) => needs.filter((need) => !need.startsWith("!"))));
  const refused = ALL_CASES.flatMap(({ needs }) =>
    needs.filter((need) => need.startsWith("!")).map((need) => need.slice(1)),
  );
  // What this edition proves on no driver, it only sees refused.
  const later = ["auth"];
  expect(refused.filter((claim) => !positive.has(claim as never) && !later.includes(claim))).toEqual([]);
});
