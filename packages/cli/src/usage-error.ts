import { InvalidArgumentError } from "@trunkline/core";

/** The command line itself is wrong. `hint` goes below the message: where it is wrong, or what to type. */
export class UsageError extends InvalidArgumentError {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.hint = hint;
  }
}
