import { MessagingError } from "@trunkline/core";
import { show } from "./check.js";

interface NamedClass {
  readonly name: string;
  readonly prototype: Error;
}

/** What to say of an error that is none of `kinds`: of one that bears such a name, why it is not. */
export function describeWrongError(error: unknown, ...kinds: readonly NamedClass[]): string {
  const said = error instanceof MessagingError ? `${error.code}: ${error.message}` : show(error);
  const names = namesOf(error);
  const kind = kinds.find(({ name }) => names.includes(name));
  if (kind === undefined || error instanceof MessagingError) return said;
  const isOfCore = kind.prototype instanceof MessagingError || kind.prototype === MessagingError.prototype;
  const copy = isOfCore ? "another copy of @trunkline/core, which is loaded twice" : "another class of that name";
  return `${kind.name} of ${copy}: ${said}`;
}

/** The names of an error's class and of those above it. */
function namesOf(error: unknown): string[] {
  const names: string[] = [];
  if (!(error instanceof Error)) return names;
  for (let at: unknown = error; at instanceof Error; at = Object.getPrototypeOf(at)) names.push(at.constructor.name);
  return names;
}
