/** Shows on standard error how far a run is: one line that is overwritten on a terminal, a line a round elsewhere. */
export class Progress {
  #stream;
  #steps;
  #done = -1;
  #round;
  #began = performance.now();

  /** `steps`: how many times `show` will be called with a round. */
  constructor(stream, steps) {
    this.#stream = stream;
    this.#steps = steps;
  }

  show(text, round) {
    if (round !== undefined) this.#done += 1;
    if (this.#stream.isTTY) this.#stream.write(`\r\u001b[K${text}${this.#left()}`);
    else if (round === undefined) this.#stream.write(`${text}\n`);
    else if (round !== this.#round) this.#stream.write(`${text.split(",")[0]}${this.#left()}\n`);
    this.#round = round;
  }

  end() {
    if (this.#stream.isTTY) this.#stream.write("\r\u001b[K");
  }

  #left() {
    if (this.#done < 1) {
      if (this.#done === 0) this.#began = performance.now();
      return "";
    }
    const seconds = ((performance.now() - this.#began) / 1000 / this.#done) * (this.#steps - this.#done);
    return `, ${seconds >= 90 ? `${Math.round(seconds / 60)} min` : `${Math.ceil(seconds)} s`} left`;
  }
}
