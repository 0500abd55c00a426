import { check } from "../check.js";
import type { Footprint } from "./load-plan.js";

/** What a process may hold at the end beyond what it held after the first rounds. */
export const GROWTH: {
  readonly heapBytes: number;
  readonly handles: number;
  readonly gauge: number;
  readonly residue: number;
} = Object.freeze({ heapBytes: 16 * 1024 * 1024, handles: 4, gauge: 16, residue: 8 });

/** A killed process cannot take its own queues along: one of replies, one of fanouts. They expire after the backend's own time. */
const LEFT_BY_KILLED = 2;

type Gauges = Readonly<Record<string, number>>;

/** What is held after a round. */
interface Holdings {
  readonly footprints: readonly Footprint[];
  readonly residue: Gauges | undefined;
}

/** What each process of a load, and the backend, held after the first rounds of its life, and now. */
export class Growth {
  readonly #names: readonly string[];
  readonly #warmUp: number;
  /** In which round each process of a name came. */
  readonly #births: Map<string, number> = new Map();
  readonly #first: Map<string, Footprint> = new Map();
  readonly #last: Map<string, Footprint> = new Map();
  #killed = 0;
  #firstResidue: Gauges = {};
  #lastResidue: Gauges = {};

  /** @param warmUp rounds of a life before what is held counts as its beginning */
  constructor(names: readonly string[], warmUp: number) {
    this.#names = names;
    this.#warmUp = warmUp;
  }

  /** A process of this name is there, since `round`; where there was one before, that was killed. */
  born(name: string, round: number): void {
    if (this.#births.has(name)) this.#killed += 1;
    this.#births.set(name, round);
    this.#first.delete(name);
    this.#last.delete(name);
  }

  measured(round: number, { footprints, residue }: Holdings): void {
    for (const [index, footprint] of footprints.entries()) {
      const name = this.#names[index] ?? "";
      if (round - (this.#births.get(name) ?? 0) <= this.#warmUp) this.#first.set(name, footprint);
      this.#last.set(name, footprint);
    }
    if (round <= this.#warmUp) this.#firstResidue = residue ?? {};
    this.#lastResidue = residue ?? {};
  }

  /** @throws ConformanceFailure where more is held than may be: by the process of that name, or by any of them and the backend. */
  check(name?: string): void {
    for (const one of name === undefined ? this.#names : [name]) {
      const [first, last] = [this.#first.get(one), this.#last.get(one)];
      if (first !== undefined && last !== undefined) checkFootprint(one, last, first);
    }
    if (name === undefined) {
      const bound = GROWTH.residue + LEFT_BY_KILLED * this.#killed;
      checkGauges("the backend", this.#lastResidue, this.#firstResidue, bound);
    }
  }
}

function checkFootprint(name: string, end: Footprint, start: Footprint): void {
  const bytes = end.heapBytes - start.heapBytes;
  check(bytes <= GROWTH.heapBytes, `${name} holds ${mib(bytes)} MiB more than at first, of ${mib(GROWTH.heapBytes)}`);
  const handles = end.handles - start.handles;
  check(handles <= GROWTH.handles, `${name} has ${handles} handles more than at first, of ${GROWTH.handles}`);
  const files = (end.openFiles ?? 0) - (start.openFiles ?? 0);
  check(files <= GROWTH.handles, `${name} has ${files} open files more than at first, of ${GROWTH.handles}`);
  checkGauges(name, end.gauges, start.gauges, GROWTH.gauge);
}

function checkGauges(name: string, end: Gauges, start: Gauges, bound: number): void {
  for (const [gauge, value] of Object.entries(end)) {
    if (/bytes$/i.test(gauge)) continue;
    const more = value - (start[gauge] ?? 0);
    check(more <= bound, `${name}: ${gauge} is ${value}, ${more} more than at first`);
  }
}

function mib(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}
