// The door of the protocol core: what a Messages API stream is, without any I/O.

export { encodeSse } from './encode-sse.ts';
export { ApiError, errorOfEvent, ProtocolError, statusOfErrorType } from './errors.ts';
export type { ApiErrorOptions, ProtocolErrorCode } from './errors.ts';
export { MessageAccumulator } from './message-accumulator.ts';
export { MessageBuilder } from './message-builder.ts';
export type { Ending } from './message-builder.ts';
export type * from './message.ts';
export { parseErrorBody, parseStreamEvent, stringOfDelta } from './parse-stream-event.ts';
export { PartialJson } from './partial-json.ts';
export { WholeJson } from './whole-json.ts';
export { SseDecoder } from './sse-decoder.ts';
export type { ServerSentEvent, SseDecoderOptions } from './sse-decoder.ts';
export { StreamEventDecoder } from './stream-event-decoder.ts';
export type * from './stream-event.ts';
export type { ToolInput } from './tool-input.ts';
export type { OpenString, UnknownObject, UnknownType } from './unknown-type.ts';
