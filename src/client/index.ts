// The door of the client.

export { readText } from './api-connection.ts';
export type { ClientOptions, Logger } from './api-connection.ts';
export type { ClientEvent, RecoverEvent, StreamEnding } from './answer.ts';
export type { RetryEvent } from './answer-attempts.ts';
export type { CallOptions, Fallback } from './call-settings.ts';
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
export type { TimeoutCode } from './errors.ts';
export type { MessageEvents } from './message-events.ts';
export type { ContentParam, MessageParam, MessageParams, RequestOptions } from './message-params.ts';
export type { MessageStream, MessageStreamListeners } from './message-stream.ts';
export type { MessagesClient } from './messages-client.ts';
export type { Messages } from './messages.ts';
export { Millrace } from './millrace.ts';
export type { ObjectEnding, ObjectStream } from './object-stream.ts';
export type { RecoverOptions } from './recovery.ts';
export type { RetryOptions } from './retry-policy.ts';
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
