import { InvalidArgumentError } from "../errors.js";

type Piece = { readonly kind: "run" } | { readonly kind: "one"; readonly fits: (character: string) => boolean };

/**
 * Compiles a shell pattern over whole strings, case-sensitive: `*` is any run (dots too), `?` any one character, `[abc]`,
 * `[a-z]`, `[!abc]` one of a set. Matching takes at most pattern length × text length steps, whatever the pattern.
 * @throws InvalidArgumentError for an empty pattern or a set without its `]`.
 */
export function compileGlob(pattern: string): (text: string) => boolean {
  if (typeof pattern !== "string" || pattern === "") {
    throw new InvalidArgumentError(`a pattern must be a text such as "instance.*", got ${JSON.stringify(pattern)}`);
  }
  const pieces = readPieces(pattern);
  return (text) => matches(pieces, [...text]);
}

function readPieces(pattern: string): Piece[] {
  const characters = [...pattern];
  const pieces: Piece[] = [];
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at];
    if (character === "*") pieces.push({ kind: "run" });
    else if (character === "?") pieces.push({ kind: "one", fits: () => true });
    else if (character === "[") {
      const isNegated = characters[at + 1] === "!";
      const start = at + (isNegated ? 2 : 1);
      // A "]" that comes first is a member, as in every shell.
      const end = characters.indexOf("]", start + 1);
      if (end < 0)
        throw new InvalidArgumentError(
          `the pattern ${JSON.stringify(pattern)} has a "[" without its "]"; write a plain "[" as [[]`,
        );
      const members = characters.slice(start, end);
      pieces.push({ kind: "one", fits: (text) => isMember(members, text) !== isNegated });
      at = end;
    } else pieces.push({ kind: "one", fits: (text) => text === character });
  }
  return pieces;
}

function isMember(members: readonly string[], text: string): boolean {
  for (let at = 0; at < members.length; at += 1) {
    const from = members[at] ?? "";
    const to = members[at + 2];
    if (members[at + 1] === "-" && to !== undefined) {
      if (from <= text && text <= to) return true;
      at += 2;
    } else if (from === text) return true;
  }
  return false;
}

/** Goes back only to the latest run: an earlier one could give nothing that the latest cannot. */
function matches(pieces: readonly Piece[], text: readonly string[]): boolean {
  let piece = 0;
  let at = 0;
  let run = -1;
  let runAt = 0;
  while (at < text.length) {
    const current = pieces[piece];
    if (current?.kind === "run") {
      run = piece;
      runAt = at;
      piece += 1;
    } else if (current?.kind === "one" && current.fits(text[at] ?? "")) {
      piece += 1;
      at += 1;
    } else if (run >= 0) {
      runAt += 1;
      piece = run + 1;
      at = runAt;
    } else return false;
  }
  while (pieces[piece]?.kind === "run") piece += 1;
  return piece === pieces.length;
}
