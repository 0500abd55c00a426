import type { Capabilities } from "@trunkline/core";
import { difference, show } from "./check.js";

/** What the run holds the driver to: what it says of itself, and over that what is pinned. */
export function heldTo(own: Capabilities, pinned: Partial<Capabilities> | undefined): Capabilities {
  const set = Object.entries(pinned ?? {}).filter(([, value]) => value !== undefined);
  return { ...own, ...Object.fromEntries(set) };
}

/** Every key in which a manifest is not what it is held to, with both values. Empty where all agree, deeply. */
export function claimsThatDiffer(held: object, own: object): readonly string[] {
  const keys = new Set([...Object.keys(held), ...Object.keys(own)]);
  return [...keys].flatMap((key) => {
    const [wanted, told]: unknown[] = [Reflect.get(held, key), Reflect.get(own, key)];
    return difference(told, wanted) === undefined ? [] : [`${key}: held to ${show(wanted)}, it says ${show(told)}`];
  });
}

/** What contradicts itself in a manifest (H). Empty where nothing does. */
export function contradictionsOf(claims: Capabilities): readonly string[] {
  const problems: string[] = [];
  const implies = (name: string, claim: boolean, needs: string, needed: boolean): void => {
    if (claim && !needed) problems.push(`${name} is claimed without ${needs}`);
  };
  for (const key of ["pools", "redelivery"] as const) implies(key, claims[key], "events", claims.events);
  for (const key of ["callMonitor", "cancel", "streaming"] as const) implies(key, claims[key], "rpc", claims.rpc);
  const isDurable = claims.acceptance?.events === "durable";
  implies("acceptance.events=durable", isDurable, "storesOffline", claims.storesOffline);
  for (const key of ["maxMessageBytes", "detectionMs", "joinLatencyMs", "recoveryMs"] as const) {
    if (!isAmount(claims[key])) problems.push(`${key} is ${show(claims[key])}, not a number from 0`);
  }
  for (const key of ["ids", "ms"] as const) {
    const value = claims.duplicateWindow?.[key];
    if (!isAmount(value)) problems.push(`duplicateWindow.${key} is ${show(value)}, not a number from 0`);
  }
  return problems;
}

function isAmount(value: unknown): boolean {
  return typeof value === "number" && Number.isFinite(value) && value >= 0;
}
