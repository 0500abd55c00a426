/** The conformance kit: named cases that prove what a driver does, clause by clause, for any test runner or none. */
export {
  type NodeTestModule,
  nodeTestPort,
  type VitestModule,
  vitestPort,
} from "./adapters.js";
export type { Ability, Claim, ConformanceCase, Need } from "./case.js";
export { atLeast, atMost, ConformanceFailure, check, difference, fail, sameValue } from "./check.js";
export { CLAUSES, type Clause } from "./clauses.js";
export { CaseContext } from "./context.js";
export { Gate } from "./gate.js";
export { GROUPS, type Group } from "./group.js";
export {
  type BrokerControl,
  type ConformanceHarness,
  type CredentialsRequest,
  DEFAULT_TIMING,
  type Deviation,
  type Endpoint,
  harnessFromUrl,
  type Timing,
  type TlsRequest,
  type TransportRequest,
  type UrlHarnessOptions,
  type WorkerSource,
} from "./harness.js";
export { History, type Judgement, type JudgeOptions, type Scope } from "./history.js";
export { MUTANTS, type Mutant, unchanged } from "./mutants/mutants.js";
export { batchProbe, eventId, eventProbe, type RpcProbe, rpcProbe } from "./probes.js";
export { type RegisterOptions, registerConformance, type TestPort, type TestTask } from "./register.js";
export {
  type CaseResult,
  type ClauseResult,
  type ClauseVerdict,
  KIT_VERSION,
  type Report,
  type Verdict,
} from "./report.js";
export { reportJson, reportMarkdown, reportText, summaryLine, type TextOptions } from "./report-text.js";
export { type ConformanceOptions, ConformanceRun, type Progress, type RunOptions, runConformance } from "./run.js";
export { ALL_CASES } from "./suite/all-cases.js";
