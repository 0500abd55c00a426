/**
 * Finds where a text stops being JSON. The messages of JSON.parse name no place for short texts on Node 20, so a text that
 * JSON.parse refused is walked again here, by the grammar of RFC 8259.
 */
export interface JsonProblem {
  /** In UTF-16 units from the start. */
  readonly offset: number;
  /** What was expected, and what is there. */
  readonly problem: string;
}

/** Undefined where the walk finds nothing wrong. */
export function locateJsonError(text: string): JsonProblem | undefined {
  return new JsonWalk(text).run();
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /[A-Za-z_$][\w$]*/y;
const VALUE = "a value";

class JsonWalk {
  readonly #text: string;
  /** What is open: its closing bracket. */
  readonly #open: ("}" | "]")[] = [];
  #at = 0;
  #problem: JsonProblem | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  run(): JsonProblem | undefined {
    let expectsValue = true;
    let mayClose = false;
    while (this.#problem === undefined) {
      this.#skipSpace();
      if (expectsValue) {
        if (mayClose && this.#next() === this.#open.at(-1)) {
          this.#close();
          expectsValue = false;
          continue;
        }
        const opened = this.#value(mayClose);
        expectsValue = opened;
        mayClose = opened;
      } else {
        const closing = this.#open.at(-1);
        if (closing === undefined) {
          if (this.#at < this.#text.length) this.#fail("the end");
          return this.#problem;
        }
        if (this.#next() === closing) {
          this.#close();
        } else if (this.#next() === ",") {
          this.#at += 1;
          expectsValue = true;
          mayClose = false;
        } else {
          this.#fail(`"," or "${closing}"`);
        }
      }
    }
    return this.#problem;
  }

  /** A member's name where one is due, then a value. True where it opened an object or an array. */
  #value(mayClose: boolean): boolean {
    const closing = this.#open.at(-1);
    if (closing === "}") {
      if (this.#next() !== '"') {
        this.#fail(`a member's name in double quotes${mayClose ? ' or "}"' : ""}`);
        return false;
      }
      this.#string();
      this.#skipSpace();
      if (this.#problem === undefined && this.#next() !== ":") this.#fail('":"');
      if (this.#problem !== undefined) return false;
      this.#at += 1;
      this.#skipSpace();
    }
    const next = this.#next();
    if (next === "{" || next === "[") {
      this.#open.push(next === "{" ? "}" : "]");
      this.#at += 1;
      return true;
    }
    if (next === '"') this.#string();
    else if (next !== undefined && /[-\d]/.test(next)) this.#number();
    else this.#word(closing === "]" && mayClose ? `${VALUE} or "]"` : VALUE);
    return false;
  }

  #close(): void {
    this.#open.pop();
    this.#at += 1;
  }

  #number(): void {
    NUMBER.lastIndex = this.#at;
    const match = NUMBER.exec(this.#text);
    if (match === null) return this.#fail("a number");
    const end = this.#at + match[0].length;
    const after = this.#text[end];
    if (after !== undefined && /[\w.+-]/.test(after)) {
      this.#at = end;
      return this.#fail("a number as JSON writes it");
    }
    this.#at = end;
  }

  #word(expected: string): void {
    WORD.lastIndex = this.#at;
    const word = WORD.exec(this.#text)?.[0];
    if (word === "true" || word === "false" || word === "null") this.#at += word.length;
    else this.#fail(expected);
  }

  #string(): void {
    const start = this.#at;
    for (let at = start + 1; at < this.#text.length; at += 1) {
      const char = this.#text.charAt(at);
      if (char === '"') {
        this.#at = at + 1;
        return;
      }
      if (char === "\\") {
        if (!/^(?:["\\/bfnrt]|u[\dA-Fa-f]{4})/.test(this.#text.slice(at + 1, at + 6))) {
          this.#at = at;
          return this.#fail('an escape such as \\n, \\" or \\u00e4');
        }
        at += 1;
      } else if (char < " ") {
        this.#at = at;
        return this.#fail("an escape such as \\n in place of a control character");
      }
    }
    this.#at = start;
    this.#problem = { offset: start, problem: "this string is never closed" };
  }

  #skipSpace(): void {
    while (/^[ \t\n\r]$/.test(this.#text.charAt(this.#at))) this.#at += 1;
  }

  #next(): string | undefined {
    return this.#text[this.#at];
  }

  #fail(expected: string): void {
    const point = this.#text.codePointAt(this.#at);
    const found = point === undefined ? "the text ends" : `found ${JSON.stringify(String.fromCodePoint(point))}`;
    const quotes = point === 0x27 ? "; JSON uses double quotes" : "";
    this.#problem = { offset: this.#at, problem: `expected ${expected}, ${found}${quotes}` };
  }
}
