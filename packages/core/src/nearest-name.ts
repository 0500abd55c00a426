/**
 * The known name that a mistyped one most likely meant, or undefined where none is near: at most a third of the longer
 * word's letters apart (and always one), case ignored, or one the other's beginning.
 */
export function nearestName(word: string, known: Iterable<string>): string | undefined {
  const wanted = word.toLowerCase();
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const name = candidate.toLowerCase();
    const longer = Math.max(name.length, wanted.length);
    const isBeginning = wanted.length >= 3 && (name.startsWith(wanted) || wanted.startsWith(name));
    // A word of hundreds of letters is near nothing, and not worth a table of that size.
    if (longer > 64) continue;
    const distance = editDistance(wanted, name);
    if (distance > Math.max(1, Math.floor(longer / 3)) && !isBeginning) continue;
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one word into the other. */
export function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last: number[] = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i += 1) {
    const row: number[] = [i];
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = at(last, j - 1) + (from[i - 1] === to[j - 1] ? 0 : 1);
      let cost = Math.min(replaced, at(last, j) + 1, at(row, j - 1) + 1);
      const isSwap = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      if (isSwap) cost = Math.min(cost, at(beforeLast, j - 2) + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return at(last, to.length);
}

/** Every index used above is within its row; the fallback only satisfies the compiler. */
function at(row: readonly number[], index: number): number {
  return row[index] ?? 0;
}
