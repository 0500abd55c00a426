import type { ConformanceCase } from "../case.js";
import { addressingCases } from "./addressing.js";
import { batchCases } from "./batches.js";
import { cancellationCases } from "./cancellation.js";
import { concurrencyCases } from "./concurrency.js";
import { connectingCases } from "./connecting.js";
import { contextCases } from "./contexts.js";
import { departureCases } from "./departures.js";
import { errorCases, errorReviewCases } from "./errors.js";
import { fanoutCases } from "./fanout.js";
import { linkFaultCases } from "./fault-links.js";
import { processFaultCases } from "./fault-processes.js";
import { faultCases } from "./faults.js";
import { leftoverCases } from "./leftovers.js";
import { serverLifecycleCases } from "./lifecycle-server.js";
import { transportLifecycleCases } from "./lifecycle-transport.js";
import { lostLinkCases } from "./lost-links.js";
import { lostVerdictCases } from "./lost-verdicts.js";
import { manifestCases, manifestReviewCases } from "./manifest.js";
import { monitoringCases } from "./monitoring.js";
import { nameCases } from "./names.js";
import { notificationHandlingCases } from "./notification-handling.js";
import { notificationCases } from "./notifications.js";
import { orderingCases } from "./ordering.js";
import { payloadCopyCases } from "./payload-copies.js";
import { payloadKindCases } from "./payload-kinds.js";
import { payloadSizeCases } from "./payload-sizes.js";
import { payloadValueCases } from "./payload-values.js";
import { poolCases } from "./pools.js";
import { processCases } from "./processes.js";
import { requeueCases } from "./requeue.js";
import { rpcCallCases } from "./rpc-call.js";
import { rpcCastCases } from "./rpc-cast.js";
import { securityCases } from "./security.js";
import { serializerCases } from "./serializers.js";
import { strangerCases } from "./strangers.js";
import { timeoutCases } from "./timeouts.js";

/** Every case of this edition, in the order in which they run: those that review a run are last. */
export const ALL_CASES: readonly ConformanceCase[] = Object.freeze([
  ...rpcCallCases,
  ...rpcCastCases,
  ...fanoutCases,
  ...addressingCases,
  ...nameCases,
  ...errorCases,
  ...timeoutCases,
  ...cancellationCases,
  ...monitoringCases,
  ...orderingCases,
  ...concurrencyCases,
  ...payloadValueCases,
  ...payloadKindCases,
  ...payloadSizeCases,
  ...payloadCopyCases,
  ...contextCases,
  ...serializerCases,
  ...serverLifecycleCases,
  ...transportLifecycleCases,
  ...notificationCases,
  ...notificationHandlingCases,
  ...poolCases,
  ...batchCases,
  ...requeueCases,
  ...processCases,
  ...processFaultCases,
  ...faultCases,
  ...linkFaultCases,
  ...lostLinkCases,
  ...lostVerdictCases,
  ...connectingCases,
  ...leftoverCases,
  ...departureCases,
  ...securityCases,
  ...strangerCases,
  ...manifestCases,
  ...errorReviewCases,
  ...manifestReviewCases,
]);
