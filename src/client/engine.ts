// The inner door of the client, for the relay: what makes an answer out of attempts, for who keeps the answer
// elsewhere. Not part of the package's interface.

export { Answer } from './answer.ts';
export type { ClientEvent, RecoverEvent } from './answer.ts';
export type { AnswerConnection, RetryEvent } from './answer-attempts.ts';
export { errorOfStopReason } from './answer-error.ts';
export { apiErrorOf } from './api-connection.ts';
export { resolveSettings } from './call-settings.ts';
export type { CallSettings } from './call-settings.ts';
export { limitTime } from './clock.ts';
export { ContinuationModes } from './continuation-modes.ts';
export { answerCalls } from './conversation/answer-calls.ts';
export type { AttemptError } from './errors.ts';
export { isCoded } from './errors.ts';
export { follow } from './follow.ts';
export { keepContent } from './keep-content.ts';
export { ReadWatch } from './read-watch.ts';
export { withOwnNames } from './official-names.ts';
export { planRecovery } from './recovery.ts';
export type { RecoveryPlan } from './recovery.ts';
export { RetryBudget } from './retry-budget.ts';
export type { StreamEnding } from './stream-ending.ts';
export { wholeMessages } from './whole-reply.ts';
export { inputTokensOf, totalUsage, UsageRecord } from './usage-record.ts';
