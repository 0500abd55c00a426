import { MessagingError } from "@trunkline/core";
import { show } from "./check.js";

/** What to say of an error that is no `kind`: of one that bears the name, why it is not. */
export function describeWrongError(error: unknown, kind: { readonly name: string; readonly prototype: Error }): string {
  const said = error instanceof MessagingError ? `${error.code}: ${error.message}` : show(error);
  if (!namesOf(error).includes(kind.name)) return said;
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
