import { PRIORITIES, type Priority } from "@trunkline/core";
import { nearestName } from "@trunkline/core/driver";
import { UsageError } from "../usage-error.js";

/** Reads a list such as `info,error`; `what` is the option or operand that holds it. @throws UsageError naming the priority that does not exist, and the one that was meant. */
export function readPriorities(what: string, text: string): readonly Priority[] {
  const words = text.split(",").map((word) => word.trim());
  return [...new Set(words.map((word) => readPriority(what, word)))];
}

function readPriority(what: string, word: string): Priority {
  const found = PRIORITIES.find((priority) => priority === word);
  if (found !== undefined) return found;
  const meant = word === "warning" ? "warn" : nearestName(word, PRIORITIES);
  const hint = meant === undefined ? "" : `did you mean ${meant}? `;
  throw new UsageError(
    `${what}: there is no priority ${JSON.stringify(word)}: ${hint}it is one of ${PRIORITIES.join(", ")}`,
  );
}
