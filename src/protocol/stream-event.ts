// The events of a streamed answer, with the wire's own names. Order on the wire: message_start, then for each
// block content_block_start, any number of content_block_delta, content_block_stop; then one or more
// message_delta, then message_stop. ping and error may come anywhere.

import type { ContentBlock, ContextManagement, Container, Message, StopDetails } from './message.ts';
import type { StopReason, TextCitation, Usage } from './message.ts';
import type { OpenString, UnknownObject } from './unknown-type.ts';

/** An event of a type listed in {@link KnownStreamEvent}, or of one this version has no name for. */
export type StreamEvent = KnownStreamEvent | UnknownObject;

export type KnownStreamEvent =
  | MessageStartEvent
  | ContentBlockStartEvent
  | ContentBlockDeltaEvent
  | ContentBlockStopEvent
  | MessageDeltaEvent
  | MessageStopEvent
  | PingEvent
  | ErrorEvent
  | DoneEvent;

export interface MessageStartEvent {
  type: 'message_start';
  /** Normally with no content yet; the content is complete when a server tool called from code is resumed. */
  message: Message;
}

export interface ContentBlockStartEvent {
  type: 'content_block_start';
  index: number;
  content_block: ContentBlock;
}

export interface ContentBlockDeltaEvent {
  type: 'content_block_delta';
  index: number;
  delta: ContentBlockDelta;
}

export interface ContentBlockStopEvent {
  type: 'content_block_stop';
  index: number;
}

export interface MessageDeltaEvent {
  type: 'message_delta';
  delta: {
    stop_reason?: StopReason | null;
    stop_sequence?: string | null;
    stop_details?: StopDetails | null;
    container?: Container | null;
  };
  /** Running totals: each overwrites what was there, and null or absent keeps it. */
  usage?: { [Key in keyof Usage]?: Usage[Key] | null };
  context_management?: ContextManagement | null;
  input_transformations?: object[] | null;
}

export interface MessageStopEvent {
  type: 'message_stop';
}

/** The heartbeat: one near the beginning, then one about every 30 s of silence. */
export interface PingEvent {
  type: 'ping';
}

/** The answer has failed after its stream began. The body is that of an HTTP error. */
export interface ErrorEvent {
  type: 'error';
  error: ErrorBody;
  request_id?: string | null;
}

export interface ErrorBody {
  type: OpenString<ApiErrorType>;
  message: string;
  details?: unknown;
}

/** What an error of the API calls itself. */
export type ApiErrorType =
  | 'invalid_request_error'
  | 'authentication_error'
  | 'billing_error'
  | 'permission_error'
  | 'not_found_error'
  | 'timeout_error'
  | 'conflict_error'
  | 'request_too_large'
  | 'rate_limit_error'
  | 'api_error'
  | 'overloaded_error';

/** A gateway's `data: [DONE]`. The Messages API never sends it, and it means nothing here. */
export interface DoneEvent {
  type: '[DONE]';
}

export type ContentBlockDelta = KnownContentBlockDelta | UnknownObject;

export type KnownContentBlockDelta =
  | TextDelta
  | InputJsonDelta
  | ThinkingDelta
  | SignatureDelta
  | CitationsDelta
  | CompactionDelta;

export interface TextDelta {
  type: 'text_delta';
  text: string;
}

/** The next piece of a tool's input, cut anywhere. The first is often empty. */
export interface InputJsonDelta {
  type: 'input_json_delta';
  partial_json: string;
}

export interface ThinkingDelta {
  type: 'thinking_delta';
  thinking: string;
  estimated_tokens?: number | null;
}

/** The whole signature, to be assigned and never appended. */
export interface SignatureDelta {
  type: 'signature_delta';
  signature: string;
}

export interface CitationsDelta {
  type: 'citations_delta';
  citation: TextCitation;
}

/** The whole summary, to be assigned and never appended. */
export interface CompactionDelta {
  type: 'compaction_delta';
  content: string | null;
  encrypted_content?: string | null;
}
