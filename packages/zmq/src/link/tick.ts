/** What has something to write when the tick ends. */
export interface Flushable {
  flush(): void;
}

/**
 * One turn of the event loop's work: what was written in it leaves together at its end, and time stands still in it.
 *
 * `process.nextTick` runs after the promise jobs of the turn, so that handlers which await to different depths still share
 * a batch; a promise job each would tear the batches apart.
 */
export class Tick {
  /** Rises with each turn that wrote something; choices made in one epoch hold for it. */
  epoch = 0;
  readonly #clockNow: () => number;
  #now: number | undefined = undefined;
  #isArmed = false;
  #due: Flushable[] = [];

  constructor(clockNow: () => number) {
    this.#clockNow = clockNow;
  }

  /** The clock, read once a turn. */
  now(): number {
    if (this.#now !== undefined) return this.#now;
    this.#arm();
    this.#now = this.#clockNow();
    return this.#now;
  }

  /** Flushes `what` when the turn ends. The caller keeps it from being scheduled twice. */
  schedule(what: Flushable): void {
    this.#due.push(what);
    this.#arm();
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    process.nextTick(this.#end);
  }

  readonly #end = (): void => {
    const due = this.#due;
    this.#due = [];
    this.#isArmed = false;
    this.#now = undefined;
    this.epoch++;
    for (const what of due) what.flush();
  };
}
