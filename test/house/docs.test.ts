import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { exitCodeOf } from "../../packages/cli/src/exit-code.js";
import { filesUnder, packageNames, parse, ROOT, read } from "../support/sources.js";

const pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
  .concat(filesUnder("docs"), filesUnder("packages"), filesUnder("bench"), filesUnder("examples"))
  .filter((path) => path.endsWith(".md"));

/** Each class of core's errors, and its own code where it has one. */
function errorClasses(): { readonly name: string; readonly codes: readonly string[] }[] {
  const found: { readonly name: string; readonly codes: readonly string[] }[] = [];
  parse("packages/core/src/errors.ts").forEachChild((node) => {
    if (!ts.isClassDeclaration(node) || node.name === undefined) return;
    const field = node.members.find((member) => member.name?.getText() === "code");
    const initializer =
      field !== undefined && ts.isPropertyDeclaration(field) ? field.initializer?.getText() : undefined;
    found.push({
      name: node.name.text,
      codes: [...(initializer ?? "").matchAll(/ERR_[A-Z_]+/g)].map(([code]) => code),
    });
  });
  return found;
}

/** GitHub's anchor of a heading. */
function anchorOf(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replace(/\s/g, "-");
}

function withoutCode(page: string): string {
  return page.replace(/^```[\s\S]*?^```/gm, "").replace(/^ {4}.*$/gm, "");
}

test("docs/errors.md has a heading for each code, and names each class", () => {
  const page = read("docs/errors.md");
  const headings = [...page.matchAll(/^### (ERR_[A-Z_]+)$/gm)].map((match) => match[1]);
  const classes = errorClasses();
  expect(headings.toSorted()).toEqual(classes.flatMap(({ codes }) => codes).toSorted());
  expect(classes.map(({ name }) => name).filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

test("the table of docs/errors.md says of each code what core and the command do", () => {
  const rows = [...read("docs/errors.md").matchAll(/^\| \[(ERR_\w+)\]\(#\w+\) \| (\w+) \| ([^|]+) \| (\d+) \|$/gm)].map(
    ([, code = "", name = "", retryable = "", exit]) => ({ code, name, retryable, exit: Number(exit) }),
  );
  expect(rows.map(({ code }) => code)).toHaveLength(21);
  const told = {
    "override readonly retryable = true": "yes",
    "override readonly retryable: boolean": "when `mayHaveRun` is false",
  };
  const source = read("packages/core/src/errors.ts").split(/^(?=export (?:abstract )?class )/m);
  for (const { code, name, retryable, exit } of rows) {
    const text = source.find((part) => part.startsWith(`export class ${name} `)) ?? "";
    expect(text, name).toContain(`"${code}"`);
    expect(retryable, name).toBe(Object.entries(told).find(([declared]) => text.includes(declared))?.[1] ?? "no");
    expect(exitCodeOf(Object.assign(new Error(), { code })), code).toBe(exit);
  }
});

test("every link within the repository leads somewhere", () => {
  const broken = pages.flatMap((path) =>
    [...withoutCode(read(path)).matchAll(/\]\(([^)\s]+)\)/g)].flatMap((match) => {
      const link = match[1] ?? "";
      if (/^[a-z]+:/.test(link)) return [];
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? path : join(dirname(path), file);
      if (!existsSync(join(ROOT, target))) return [`${path}: ${link}`];
      if (anchor === undefined) return [];
      const anchors = [...read(target).matchAll(/^#+ (.+)$/gm)].map((heading) => anchorOf(heading[1] ?? ""));
      return anchors.includes(anchor) ? [] : [`${path}: ${link}`];
    }),
  );
  expect(broken).toEqual([]);
});

test("every clause that code and docs name exists", () => {
  const clauses = new Set([...read("docs/semantics.md").matchAll(/^\*\*([A-I]\d+)\.\*\*/gm)].map((match) => match[1]));
  expect(clauses.size).toBeGreaterThan(40);
  const sources = packageNames()
    .flatMap((name) => filesUnder(`packages/${name}/src`))
    .filter((path) => path.endsWith(".ts"));
  const unknown = [...sources, ...pages].flatMap((path) =>
    [...read(path).matchAll(/[(,;] ?([A-I]\d{1,2})(?=[,;)])/g)]
      .filter((match) => !clauses.has(match[1] ?? ""))
      .map((match) => `${path}: ${match[1]}`),
  );
  expect(unknown).toEqual([]);
});

test("docs/parity.md says of each row: same, different or left out, and why", () => {
  const rows = read("docs/parity.md")
    .split("\n")
    .filter((line) => line.startsWith("| ") && !line.startsWith("| oslo.messaging |"))
    .map((line) => line.split(" | ").map((cell) => cell.replace(/^\|\s*|\s*\|$/g, "")));
  expect(rows.length).toBeGreaterThan(200);
  const unclear = rows.filter(
    ([, verdict, note]) =>
      !["same", "different", "left out"].includes(verdict ?? "") || (verdict === "different" && !note),
  );
  expect(unclear).toEqual([]);
});
