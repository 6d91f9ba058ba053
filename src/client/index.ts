// The door of the client.

export { readText } from './api-connection.ts';
export type { ClientOptions, Logger } from './api-connection.ts';
export type { ClientEvent, RecoverEvent, StreamEnding } from './answer.ts';
export type { RetryEvent } from './answer-attempts.ts';
export type { CallOptions, Fallback } from './call-settings.ts';
export type { Clock } from './clock.ts';
export {
  ConfigurationError,
  ConnectionError,
  ResponseError,
  TimeoutError,
  TruncatedError,
} from './errors.ts';
export type { TimeoutErrorCode } from './errors.ts';
export type { MessageEvents } from './message-events.ts';
export type { ContentParam, MessageParam, MessageParams, RequestOptions } from './message-params.ts';
export type { MessageStream, MessageStreamListeners } from './message-stream.ts';
export type { Messages } from './messages.ts';
export { Millrace } from './millrace.ts';
export type { RecoverOptions } from './recovery.ts';
export type { RetryOptions } from './retry-policy.ts';
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
