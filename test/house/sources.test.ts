import ts from "typescript";
import { expect, test } from "vitest";
import { filesUnder, packageNames, parse, read } from "../support/sources.js";

const librarySources = packageNames()
  .flatMap((name) => filesUnder(`packages/${name}/src`))
  .filter((path) => path.endsWith(".ts"));

const testSources = ["packages", "examples", "test"]
  .flatMap((folder) => filesUnder(folder))
  .filter((path) => path.endsWith(".ts") && /(^|\/)test\//.test(path));

const committedText = ["packages", "examples", "test", "docs", "bench", "scripts", ".ci"]
  .flatMap((folder) => filesUnder(folder))
  .concat(["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "package.json", "biome.json", "vitest.config.ts"])
  .filter((path) => /(\.(ts|mts|mjs|js|json|md|html|ya?ml)|\/run)$/.test(path));

/** `path:line: text` of every node for which `isWrong` holds. */
function offences(paths: readonly string[], isWrong: (node: ts.Node, file: ts.SourceFile) => boolean): string[] {
  return paths.flatMap((path) => {
    const file = parse(path);
    const found: string[] = [];
    const visit = (node: ts.Node): void => {
      if (isWrong(node, file)) {
        const line = file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1;
        found.push(`${path}:${line}: ${node.getText(file).split("\n")[0]}`);
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
    return found;
  });
}

test("no module of a package has mutable variables of its own", () => {
  const isMutable = (node: ts.Node): boolean =>
    ts.isVariableStatement(node) &&
    ts.isSourceFile(node.parent) &&
    (node.declarationList.flags & (ts.NodeFlags.Const | ts.NodeFlags.Using)) === 0;
  expect(offences(librarySources, isMutable)).toEqual([]);
});

test("no library code waits at the top level: require() of it must work", () => {
  const isTopLevelAwait = (node: ts.Node): boolean => {
    if (!ts.isAwaitExpression(node)) return false;
    for (let at: ts.Node = node; !ts.isSourceFile(at); at = at.parent) if (ts.isFunctionLike(at)) return false;
    return true;
  };
  const entries = librarySources.filter((path) => !path.startsWith("packages/cli/"));
  expect(offences(entries, isTopLevelAwait)).toEqual([]);
});

test("no enum, no default export, no parameter property", () => {
  const isBanned = (node: ts.Node): boolean =>
    ts.isEnumDeclaration(node) ||
    ts.isExportAssignment(node) ||
    (ts.isParameter(node) && ts.isParameterPropertyDeclaration(node, node.parent)) ||
    (ts.canHaveModifiers(node) &&
      (ts.getModifiers(node) ?? []).some((modifier) => modifier.kind === ts.SyntaxKind.DefaultKeyword));
  expect(offences(librarySources, isBanned)).toEqual([]);
});

test("a type assertion says why it holds", () => {
  const isUnexplained = (node: ts.Node, file: ts.SourceFile): boolean => {
    if (!ts.isAsExpression(node) || ts.isConstTypeReference(node.type)) return false;
    const { line } = file.getLineAndCharacterOfPosition(node.type.getStart(file));
    const first = file.getLineAndCharacterOfPosition(node.getStart(file)).line;
    const around = file.text.split("\n").slice(Math.max(0, first - 3), line + 1);
    return !around.some((text) => /\/\/|\*\//.test(text));
  };
  expect(offences(librarySources, isUnexplained)).toEqual([]);
});

test("no test sleeps for luck", () => {
  const isSleep = (node: ts.Node, file: ts.SourceFile): boolean => {
    if (!ts.isAwaitExpression(node)) return false;
    const text = node.getText(file);
    const promisedTimer =
      ts.isNewExpression(node.expression) &&
      /^await new Promise(<[^>]*>)?\(\s*\(?\w*\)?\s*=>\s*\{?\s*(globalThis\.)?setTimeout\(/.test(text);
    const namedSleep = /^await (sleep|delay|wait|pause|setTimeout)\(\s*[\d_]+\s*[,)]/.test(text);
    return promisedTimer || namedSleep;
  };
  expect(offences(testSources, isSleep)).toEqual([]);
});

test("no test is singled out", () => {
  const isOnly = (node: ts.Node, file: ts.SourceFile): boolean =>
    ts.isPropertyAccessExpression(node) &&
    node.name.text === "only" &&
    /^(test|it|describe|suite)\b/.test(node.expression.getText(file));
  expect(offences(testSources, isOnly)).toEqual([]);
});

test("no file is called after no concept", () => {
  expect(librarySources.filter((path) => /\/(utils?|helpers?|common|misc)\.ts$/.test(path))).toEqual([]);
});

test("a file over 300 lines says why in its first line", () => {
  const long = librarySources.filter((path) => {
    const text = read(path);
    return text.split("\n").length > 301 && !/^(\/\/|\/\*)/.test(text);
  });
  expect(long).toEqual([]);
});

test("no committed file names a path of somebody's machine", () => {
  const home = new RegExp(`(^|[\\s"'\`(=])/(${["home", "Users", "root", "work"].join("|")})/[\\w.-]`, "m");
  expect(committedText.filter((path) => home.test(read(path)))).toEqual([]);
});
