// The door of the client.

export { all } from './all.ts';
export type { AllOptions, AllProgress, AllResult, NotBegun, Prompt } from './all.ts';
export { readText } from './api-connection.ts';
export type { HeaderOptions } from './api-connection.ts';
export type { ClientOptions, Logger } from './client-options.ts';
export type { ClientEvent, RecoverEvent } from './answer.ts';
export type { StreamEnding } from './stream-ending.ts';
export type { RetryEvent } from './answer-attempts.ts';
export type { CallOptions, Fallback } from './call-settings.ts';
export type { ApiPromise, WithResponse } from './api-promise.ts';
export { AnswerError } from './answer-error.ts';
export type { AnswerErrorCode } from './answer-error.ts';
export type { Clock } from './clock.ts';
export { ConversationError } from './conversation/conversation-error.ts';
export type { AnswerRecord, ConversationTurn } from './conversation/conversation-turn.ts';
export { conversation, loadConversation } from './conversation/conversation.ts';
export type { AnswerSource, Conversation } from './conversation/conversation.ts';
export type { ConversationJson, ConversationParams } from './conversation/parse-conversation.ts';
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
export type {
  AnswerContent,
  AnswerMetrics,
  AnswerRequested,
  AnswerSurroundings,
  OnMetrics,
  Telemetry,
} from './metrics.ts';
export type { MessagesClient } from './messages-client.ts';
export { Millrace } from './millrace.ts';
export { ReaderError } from './reader-error.ts';
export type { ObjectEnding, ObjectStream } from './object-stream.ts';
export type { RecoverOptions } from './recovery.ts';
export type { RetryOptions } from './retry-policy.ts';
export { smooth } from './smooth.ts';
export type { SmoothOptions } from './smooth.ts';
export type { FromJsonSchema, JsonSchema } from './schema/json-schema.ts';
export { outputFormat } from './schema/output-format.ts';
export type { OutputFormat } from './schema/output-format.ts';
export type { SchemaIssue, StandardSchema } from './schema/standard-schema.ts';
export type { DeepPartial, SchemaInput, SchemaOutput, ValueSchema } from './schema/value-schema.ts';
export { streamObject } from './stream-object.ts';
export type { ObjectParams } from './stream-object.ts';
export type { Timeouts } from './timeouts.ts';
export type { Approval } from './tools/run-calls.ts';
export { runTools } from './tools/run-tools.ts';
export type { ToolRunParams } from './tools/run-tools.ts';
export { tool, ToolError } from './tools/tool.ts';
export type { InputOf, OutputOf, Tool, ToolContext, ToolOptions } from './tools/tool.ts';
export type { PartialInput, ToolCall, ToolRunEvent } from './tools/tool-events.ts';
export type { ToolResultBlock } from './tools/tool-result.ts';
export type { ToolRunEnding } from './tools/tool-run-ending.ts';
export type { ToolRun } from './tools/tool-run.ts';
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
