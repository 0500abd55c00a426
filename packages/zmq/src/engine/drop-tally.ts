/** A listener without free descriptors fails 100 000 times a second: it is told of once in a while, and counted in full. */
const REPORT_MS = 1_000;

/** Counts what was dropped, by reason: the first is reported at once, those that follow it together. */
export class DropTally {
  readonly #report: (reason: string, count: number) => void;
  /** Since the last report. A reason is here while its timer runs. */
  readonly #counts: Map<string, { count: number; readonly timer: NodeJS.Timeout }> = new Map();

  constructor(report: (reason: string, count: number) => void) {
    this.#report = report;
  }

  add(reason: string): void {
    const known = this.#counts.get(reason);
    if (known !== undefined) {
      known.count += 1;
      return;
    }
    this.#wait(reason);
    this.#report(reason, 1);
  }

  /** Reports what is left. */
  end(): void {
    for (const [reason, { count, timer }] of this.#counts) {
      clearTimeout(timer);
      if (count > 0) this.#report(reason, count);
    }
    this.#counts.clear();
  }

  #flush(reason: string): void {
    const count = this.#counts.get(reason)?.count ?? 0;
    this.#counts.delete(reason);
    if (count === 0) return;
    this.#wait(reason);
    this.#report(reason, count);
  }

  #wait(reason: string): void {
    const timer = setTimeout(() => this.#flush(reason), REPORT_MS);
    timer.unref();
    this.#counts.set(reason, { count: 0, timer });
  }
}
