/** The machine's monotonic clock in ms: processes of one machine can compare what they read from it. */
export function monotonicMs() {
  return Number(process.hrtime.bigint()) / 1e6;
}
