/** The conformance kit: named cases that prove what a driver does, clause by clause, for any test runner or none. */
export {
  type NodeTestModule,
  nodeTestPort,
  type VitestModule,
  vitestPort,
} from "./adapters.js";
export { type Ability, type Claim, type ConformanceCase, type Need, provenKeys } from "./case.js";
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
  type Place,
  type RelayEndpoint,
  type Residue,
  type Timing,
  type TlsRequest,
  type TransportRequest,
  type UrlHarnessOptions,
  type WorkerSource,
} from "./harness.js";
export { History, type Judgement, type JudgeOptions, type Scope } from "./history.js";
export { LEVELS, type Level, type LevelResult, type LevelVerdict, levelOf } from "./level.js";
export {
  type JudgeMutantOptions,
  judgeMutant,
  type Kill,
  type KillAttempt,
  type MutantResult,
  mutantTable,
} from "./mutants/judge-mutant.js";
export type { Mutant } from "./mutants/mutant.js";
export { MUTANTS, TIER_A, TIER_B, unchanged } from "./mutants/mutants.js";
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
export { REPORT_ENDINGS, reportForFile } from "./report-file.js";
export { reportHtml } from "./report-html.js";
export { reportMarkdown } from "./report-markdown.js";
export { reportJson, reportText, type TextOptions } from "./report-text.js";
export { levelLine, summaryLine } from "./report-words.js";
export { type ConformanceOptions, ConformanceRun, type Progress, type RunOptions, runConformance } from "./run.js";
export { STEPS } from "./steps.js";
export type { CastForm, Stranger, StrangerReply } from "./stranger.js";
export { GROWTH } from "./stress/growth.js";
export type { LoadProgress } from "./stress/load.js";
export type { Footprint } from "./stress/load-plan.js";
export { describeProgram, type Operation, parseProgram, type SendKind, type SendOperation } from "./stress/program.js";
export { ALL_CASES } from "./suite/all-cases.js";
export { type StressOptions, soakCase, stressCases } from "./suite/stress.js";
