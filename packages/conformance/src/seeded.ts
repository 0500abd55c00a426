/** A repeatable stream of numbers: the same seed gives the same case, on every machine. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A seed of its own for each case of a run (FNV-1a of the id, mixed with the run's seed). */
export function caseSeed(runSeed: number, caseId: string): number {
  let hash = 0x811c9dc5 ^ runSeed;
  for (let index = 0; index < caseId.length; index++) {
    hash = Math.imul(hash ^ caseId.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

export function shuffled<Item>(items: readonly Item[], random: () => number): Item[] {
  const rest = [...items];
  const result: Item[] = [];
  while (rest.length > 0) result.push(...rest.splice(Math.floor(random() * rest.length), 1));
  return result;
}
