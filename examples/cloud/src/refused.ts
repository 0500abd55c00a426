/** Why the cloud may say no. */
export const REFUSALS = ["NoValidHost", "QuotaExceeded", "ImageCorrupt", "InstanceNotFound"] as const;
export type Refusal = (typeof REFUSALS)[number];

/** How a request ends. Anything else, such as an error's code, is a fault. */
export type Outcome = "done" | Refusal;

/** A request that cannot be fulfilled. Registered with each transport, so that `instanceof` works on the caller's side. */
export class Refused extends Error {
  readonly reason: Refusal;

  constructor(reason: Refusal) {
    super(`refused: ${reason}`);
    this.reason = reason;
  }
}
