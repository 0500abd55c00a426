/** Where a slice of the usual length has a few dozen operations. */
const LONG = 4;

/** What is measured: the workloads, in the order of the tables; `times` so long as is asked for. */
export const COLUMNS = [
  ...[1, 4, 16, 64, 256, 1024].map((callers) => ({ name: `c${callers}`, callers, payload: "small" })),
  { name: "cast@256", window: 256, payload: "small" },
  { name: "mix@64", callers: 64, payload: "mix" },
  { name: "mix@256", callers: 256, payload: "mix" },
  { name: "10k@64", callers: 64, payload: "10k" },
  { name: "100k@16", callers: 16, payload: "100k" },
  { name: "1M@4", callers: 4, payload: "1M", times: LONG },
  { name: "c1+1M@2", callers: 1, payload: "small", beside: { callers: 2, payload: "1M" }, times: LONG },
];
