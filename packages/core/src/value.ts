/**
 * What may travel (D2): JSON's values, and `bigint`, `Uint8Array` and `Date` where the manifest claims them.
 *
 * `undefined` members vanish, and a handler's `undefined` arrives as `null`.
 */
export type Value =
  | null
  | boolean
  | number
  | string
  | bigint
  | Uint8Array
  | Date
  | readonly Value[]
  | { readonly [key: string]: Value | undefined };

/** Params and contexts: an object whose members are values. */
export interface JsonObject {
  readonly [key: string]: Value | undefined;
}
