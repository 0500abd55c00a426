import { table, UNBOUNDED } from "./table.js";
import type { Summary } from "./tally.js";

/** Where summaries are shown, and what else there is to say. */
export interface Display {
  show(summary: Summary): void;
  note(text: string): void;
  /** Shows the last one, and leaves the terminal as it was. */
  end(summary: Summary): void;
}

/** A screen of its own on a terminal; elsewhere one table after the other, or one JSON object a line. */
export function createDisplay(stdout: NodeJS.WriteStream, env: NodeJS.ProcessEnv, isJson: boolean): Display {
  if (isJson) return new Lines(stdout, (summary) => JSON.stringify(summary));
  // Neither pipes nor terminals that cannot move their cursor are drawn on.
  if (stdout.isTTY === true && env["TERM"] !== "dumb") return new Screen(stdout, (env["NO_COLOR"] ?? "") === "");
  return new Lines(stdout, (summary) => `${table(summary, UNBOUNDED).join("\n")}\n`);
}

/** Says nothing twice: what has not changed is not printed again before the end. */
class Lines implements Display {
  readonly #stdout: NodeJS.WriteStream;
  readonly #text: (summary: Summary) => string;
  #events = 0;

  constructor(stdout: NodeJS.WriteStream, text: (summary: Summary) => string) {
    this.#stdout = stdout;
    this.#text = text;
  }

  show(summary: Summary): void {
    if (summary.events !== this.#events) this.#print(summary);
  }

  note(text: string): void {
    console.error(text);
  }

  end(summary: Summary): void {
    this.#print(summary);
  }

  #print(summary: Summary): void {
    this.#events = summary.events;
    this.#stdout.write(`${this.#text(summary)}\n`);
  }
}

const OPEN_SCREEN = "\u001b[?1049h\u001b[?25l";
const CLOSE_SCREEN = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const CLEAR_LINE = "\u001b[K";
const CLEAR_REST = "\u001b[J";

class Screen implements Display {
  readonly #stdout: NodeJS.WriteStream;
  readonly #hasColor: boolean;
  #note = "";

  constructor(stdout: NodeJS.WriteStream, hasColor: boolean) {
    this.#stdout = stdout;
    this.#hasColor = hasColor;
    stdout.write(OPEN_SCREEN);
  }

  show(summary: Summary): void {
    // Some terminals say 0 where they do not know.
    const columns = this.#stdout.columns || 80;
    const rows = (this.#stdout.rows || 24) - 2;
    const lines = [...table(summary, { columns, rows, hasColor: this.#hasColor }), "", this.#note.slice(0, columns)];
    this.#stdout.write(HOME + lines.map((line) => line + CLEAR_LINE).join("\n") + CLEAR_REST);
  }

  note(text: string): void {
    this.#note = text;
  }

  end(summary: Summary): void {
    const lines = table(summary, { ...UNBOUNDED, hasColor: this.#hasColor });
    this.#stdout.write(`${CLOSE_SCREEN}${lines.join("\n")}\n`);
  }
}
