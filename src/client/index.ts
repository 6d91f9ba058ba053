// The door of the client.

export { all } from './all.ts';
export type { AllOptions, AllProgress, AllResult, NotBegun, Prompt } from './all.ts';
export { readText } from './api-connection.ts';
export type { ClientOptions, Logger } from './api-connection.ts';
export type { ClientEvent, RecoverEvent } from './answer.ts';
export type { StreamEnding } from './stream-ending.ts';
export type { RetryEvent } from './answer-attempts.ts';
export type { CallOptions, Fallback } from './call-settings.ts';
export type { ApiPromise, WithResponse } from './api-promise.ts';
export type { Clock } from './clock.ts';
export {
  ConfigurationError,
  ConnectionError,
  ResponseError,
  TimeoutError,
  TruncatedError,
} from './errors.ts';
export type { TimeoutErrorCode } from './errors.ts';
export { MessageEvents } from './message-events.ts';
export type { ReadableStreamOptions } from './message-lines.ts';
export { createLimiter, QueueFullError } from './limiter.ts';
export type { Limiter, LimiterOptions, Slot, TurnOptions } from './limiter.ts';
export type { ContentParam, MessageParam, MessageParams, RequestOptions } from './message-params.ts';
export { MessageStream } from './message-stream.ts';
export type { Emitted, MessageStreamOptions } from './message-stream.ts';
export type { MessageStreamListeners } from './message-stream-listeners.ts';
export type { CreatedMessage, Messages } from './messages.ts';
export type { AnswerContent, AnswerMetrics, AnswerRequested, OnMetrics, Telemetry } from './metrics.ts';
export { Millrace } from './millrace.ts';
export { ReaderError } from './reader-error.ts';
export type { RecoverOptions } from './recovery.ts';
export type { RetryOptions } from './retry-policy.ts';
export { smooth } from './smooth.ts';
export type { SmoothOptions } from './smooth.ts';
export type { Timeouts } from './timeouts.ts';
export { createFetchTransport, releaseBody } from './transport.ts';
export type {
  ByteSource,
  Fetch,
  ResponseHeaders,
  Transport,
  TransportRequest,
  TransportResponse,
} from './transport.ts';
export type { AttemptKind, AttemptRecord } from './usage-record.ts';
export { ApiError, ProtocolError } from '../protocol/index.ts';
export type {
  ContentBlock,
  ContentBlockDelta,
  DeepReadonly,
  KnownContentBlock,
  KnownStreamEvent,
  Message,
  StopReason,
  StreamEvent,
  TextCitation,
  ToolUseBlock,
  Usage,
} from '../protocol/index.ts';
