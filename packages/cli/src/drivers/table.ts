import { CAPABILITY_KEYS } from "@trunkline/core";
import type { BrokenDriver, InstalledDriver } from "./installed.js";

/** For a terminal: a column for each driver, a row for each key of the manifest. */
export function driverTable(drivers: readonly (InstalledDriver | BrokenDriver)[]): string {
  if (drivers.length === 0) return "no driver is installed here; npm install @trunkline/zmq";
  const usable = drivers.filter((driver): driver is InstalledDriver => "capabilities" in driver);
  const broken = drivers.filter((driver): driver is BrokenDriver => "problem" in driver);
  const rows = [
    ["", ...usable.map(({ scheme }) => `${scheme}://`)],
    ["package", ...usable.map((driver) => driver.package)],
    ["version", ...usable.map(({ version }) => version)],
    ...CAPABILITY_KEYS.map((key) => [key, ...usable.map(({ capabilities }) => show(capabilities[key]))]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const lines =
    usable.length === 0
      ? []
      : rows.map((row) =>
          row
            .map((cell, at) => cell.padEnd(widths[at] ?? 0))
            .join("  ")
            .trimEnd(),
        );
  return [...lines, ...broken.map(({ scheme, problem }) => `${scheme}:// cannot be used: ${problem}`)].join("\n");
}

function show(claim: unknown): string {
  if (typeof claim === "boolean") return claim ? "yes" : "no";
  if (typeof claim !== "object" || claim === null) return String(claim);
  return Object.entries(claim)
    .map(([key, value]) => `${key} ${value}`)
    .join(", ");
}
