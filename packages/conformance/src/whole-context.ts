import type { ContextFilter } from "@trunkline/core";

/** Lets the whole context go along with an event, whatever the driver's default is (C1): for cases that are not about it. */
export const wholeContext: ContextFilter = (context) => context;
