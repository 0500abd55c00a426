import { z } from "zod";

/** The longest time that a timer holds. */
const MAX_MS = 2 ** 31 - 1;

/** A number as text, or one that was read already. */
export type NumberField = z.ZodDefault<z.ZodPreprocess<z.ZodNumber>>;

/** A time in milliseconds. */
export function milliseconds(least: number, fallback: number, most: number = MAX_MS): NumberField {
  return count(least, fallback, most);
}

/** A time in seconds, as oslo.messaging has them; fractions allowed. */
export function seconds(least: number, fallback: number): NumberField {
  const schema = z
    .number()
    .min(least)
    .max(MAX_MS / 1_000);
  return z.preprocess(toNumber, schema).default(fallback);
}

export function count(least: number, fallback: number, most: number = 2 ** 31 - 1): NumberField {
  return z.preprocess(toNumber, z.number().int().min(least).max(most)).default(fallback);
}

/** Nothing would be 0, which often means that there is no bound. */
function toNumber(given: unknown): unknown {
  return typeof given === "string" && given.trim() === "" ? Number.NaN : Number(given);
}

const TRUE: ReadonlySet<string> = new Set(["true", "1", "yes", "on"]);
const FALSE: ReadonlySet<string> = new Set(["false", "0", "no", "off"]);

/** True or false, in the words that oslo.config takes, whatever their case; one that was read already stays as it is. */
export function flag(
  fallback: boolean,
): z.ZodDefault<
  z.ZodPipe<z.ZodUnion<readonly [z.ZodBoolean, z.ZodString]>, z.ZodTransform<boolean, boolean | string>>
> {
  return z
    .union([z.boolean(), z.string()])
    .transform((given, context) => {
      const word = String(given).toLowerCase();
      if (TRUE.has(word) || FALSE.has(word)) return TRUE.has(word);
      context.addIssue({ code: "custom", message: "it must be true or false" });
      return z.NEVER;
    })
    .default(fallback);
}

/** One of some words, whatever their case. */
export function word<const Word extends string>(
  words: readonly Word[],
): z.ZodPipe<z.ZodString, z.ZodTransform<Word, string>> {
  return z.string().transform((text, context): Word => {
    const found = words.find((one) => one.toLowerCase() === text.toLowerCase());
    if (found !== undefined) return found;
    context.addIssue({ code: "custom", message: `it must be one of ${words.join(", ")}` });
    return z.NEVER;
  });
}

/** An option of oslo.messaging that would have no effect here: it is refused, and never ignored. */
export function refused(why: string): z.ZodOptional<z.ZodPipe<z.ZodString, z.ZodTransform<never, string>>> {
  return z
    .string()
    .transform((_text, context): never => {
      context.addIssue({ code: "custom", message: `${why}; leave it out` });
      return z.NEVER;
    })
    .optional();
}
