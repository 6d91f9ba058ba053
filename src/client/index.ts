// The door of the client.

export { readText } from './api-connection.ts';
export type { ClientOptions } from './api-connection.ts';
export { ConfigurationError, ConnectionError, ResponseError, TruncatedError } from './errors.ts';
export type { ClientEvent, StreamEnding } from './event-stream.ts';
export type { MessageEvents } from './message-events.ts';
export type { ContentParam, MessageParam, MessageParams, RequestOptions } from './message-params.ts';
export type { MessageStream, MessageStreamListeners } from './message-stream.ts';
export type { Messages } from './messages.ts';
export { Millrace } from './millrace.ts';
export { createFetchTransport, releaseBody } from './transport.ts';
export type {
  ByteSource,
  Fetch,
  ResponseHeaders,
  Transport,
  TransportRequest,
  TransportResponse,
} from './transport.ts';
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
