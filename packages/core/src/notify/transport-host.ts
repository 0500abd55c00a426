import { callScope } from "../call-scope.js";
import { identitySerializer } from "../serializer.js";
import type { TransportCore } from "../transport-core.js";
import { defaultContextFilter } from "./context-filter.js";
import type { NotifyHost } from "./ports.js";

/** A transport's core as notifiers and listeners see it. */
export function notifyHost(core: TransportCore): NotifyHost {
  return {
    driver: core.driver,
    driverName: core.driverName,
    capabilities: core.capabilities,
    clock: core.clock,
    logger: core.logger,
    realm: core.realm,
    defaultExchange: core.defaultExchange,
    sendTimeoutMs: core.timeouts.sendTimeoutMs,
    drainTimeoutMs: core.timeouts.drainTimeoutMs,
    serializer: core.serializer ?? identitySerializer,
    contextFilter: defaultContextFilter(core.driver.eventContextKeys),
    newId: core.newId,
    checkOpen: (what) => core.checkOpen(what),
    send(to, event, { timeoutMs, signal }) {
      const now = core.clock.now();
      return core.send(to, event, now + timeoutMs, now, signal);
    },
    reportFailure: (failure) => core.reportHandlerError(failure),
    warn: ({ message, error }) => core.warn(message, error),
    wantContext: () => {
      if (core.propagates) callScope.want();
    },
    runInContext: (context, until, fn) =>
      core.propagates && callScope.isWanted ? callScope.run({ context, until }, fn) : fn(),
    currentContext: () => (core.propagates ? callScope.current()?.context : undefined),
  };
}
