/** A repeatable stream of numbers in [0, 1): the same seed gives the same load and the same faults. */
export function seededRandom(seed: number): () => number;
