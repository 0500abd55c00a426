import { existsSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { expect, test } from "vitest";
import { ROOT } from "../support/sources.js";

const ENTRIES = [
  "packages/core/src/index.ts",
  "packages/core/src/driver.ts",
  "packages/core/src/testing.ts",
  "packages/fake/src/index.ts",
  "packages/fake/src/conformance.ts",
  "packages/zmq/src/index.ts",
  "packages/zmq/src/conformance.ts",
  "packages/conformance/src/index.ts",
].filter((path) => existsSync(join(ROOT, path)));

test("every symbol that an entry exports has a docstring", () => {
  const program = ts.createProgram(
    ENTRIES.map((path) => join(ROOT, path)),
    {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      noEmit: true,
      skipLibCheck: true,
      types: [],
    },
  );
  const checker = program.getTypeChecker();
  const bare = ENTRIES.flatMap((path) => {
    const file = program.getSourceFile(join(ROOT, path));
    const module = file && checker.getSymbolAtLocation(file);
    if (module === undefined) return [`${path} is no module`];
    return checker.getExportsOfModule(module).flatMap((exported) => {
      const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
      const documented = symbol.getDocumentationComment(checker).length > 0;
      const ours = symbol.declarations?.every((node) => node.getSourceFile().fileName.includes("/packages/")) ?? false;
      return documented || !ours ? [] : [`${path}: ${exported.name}`];
    });
  });
  expect(bare).toEqual([]);
});
