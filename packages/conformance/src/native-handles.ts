/**
 * How many native polls keep the event loop alive: the sockets of add-ons, which `process.getActiveResourcesInfo()` does not
 * know. Node tells of them only in its diagnostic report; takes some milliseconds.
 */
export function countNativePolls(): number {
  // Node has it since 20.13; its types of that line do not say so.
  const report = process.report as NodeJS.ProcessReport & { excludeNetwork: boolean };
  const before = report.excludeNetwork;
  // Else the names of peers are looked up, which may take long.
  report.excludeNetwork = true;
  try {
    const told: unknown = report.getReport();
    const handles: unknown = typeof told === "object" && told !== null && "libuv" in told ? told.libuv : undefined;
    return Array.isArray(handles) ? handles.filter(isHeldPoll).length : 0;
  } finally {
    report.excludeNetwork = before;
  }
}

function isHeldPoll(handle: unknown): boolean {
  if (typeof handle !== "object" || handle === null) return false;
  const { type, is_active: isActive, is_referenced: isReferenced }: Readonly<Record<string, unknown>> = { ...handle };
  return type === "poll" && isActive === true && isReferenced === true;
}
