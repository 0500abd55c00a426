/** The sum over all that ran. Its last line is the plain count that CI reads. */
export class Tally {
  #passed = 0;
  #failed = 0;
  #skipped = 0;

  add({ passed, failed, skipped }) {
    this.#passed += passed;
    this.#failed += failed;
    this.#skipped += skipped;
  }

  /** Runs a step that has no tests of its own: a failure counts as one. Resolves with whether it went well. */
  async step(name, work) {
    try {
      await work();
      return true;
    } catch (error) {
      this.failStep(name, error);
      return false;
    }
  }

  failStep(name, error) {
    console.error(`${error instanceof Error ? error.message : error}\nFAILED: ${name}`);
    this.#failed += 1;
  }

  /** Prints `N passed, N failed` (and `, N skipped` where some were) and returns the exit code. */
  report() {
    const skipped = this.#skipped > 0 ? `, ${this.#skipped} skipped` : "";
    console.log(`${this.#passed} passed, ${this.#failed} failed${skipped}`);
    return this.#failed === 0 ? 0 : 1;
  }
}
