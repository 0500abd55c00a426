/** What was typed, sorted by the names that a {@link Command} declares. */
export class Input {
  readonly #operands: ReadonlyMap<string, readonly string[]>;
  readonly #options: ReadonlyMap<string, string>;
  readonly #switches: ReadonlySet<string>;

  constructor(
    operands: ReadonlyMap<string, readonly string[]>,
    options: ReadonlyMap<string, string>,
    switches: ReadonlySet<string>,
  ) {
    this.#operands = operands;
    this.#options = options;
    this.#switches = switches;
  }

  /** A required operand, or a required option: parsing has seen to it that it is there. */
  required(name: string): string {
    const found = this.optional(name);
    if (found === undefined) throw new Error(`"${name}" is not declared as required`);
    return found;
  }

  /** An operand or an option. */
  optional(name: string): string | undefined {
    return this.#operands.get(name)?.[0] ?? this.#options.get(name);
  }

  repeated(name: string): readonly string[] {
    return this.#operands.get(name) ?? [];
  }

  has(name: string): boolean {
    return this.#switches.has(name);
  }
}
