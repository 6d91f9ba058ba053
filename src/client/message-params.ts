// The parameters of a request, with the wire's own names. Fields not listed go through unchanged.

import type { ContentBlock, DeepReadonly, OpenString } from '../protocol/index.ts';
import type { HeaderOptions } from './api-connection.ts';
import type { CallOptions } from './call-settings.ts';
import type { OnMetrics } from './metrics.ts';

export interface MessageParams {
  model: string;
  /** The most tokens the answer may have. */
  max_tokens: number;
  messages: readonly MessageParam[];
  system?: string | readonly { type: 'text'; text: string; [field: string]: unknown }[] | undefined;
  stop_sequences?: readonly string[] | undefined;
  temperature?: number | undefined;
  tools?: readonly object[] | undefined;
  tool_choice?: object | undefined;
  thinking?: object | undefined;
  metadata?: object | undefined;
  /** Names of betas, sent as `anthropic-beta`. */
  betas?: readonly string[] | undefined;
  [field: string]: unknown;
}

export interface MessageParam {
  role: 'user' | 'assistant';
  content: string | readonly ContentParam[];
}

/** A block as it goes up: one that came down, also of a partial message, or one of the caller's own. */
export type ContentParam =
  | ContentBlock
  | DeepReadonly<ContentBlock>
  | { type: OpenString<'image' | 'document' | 'tool_result' | 'search_result'>; [field: string]: unknown };

export interface RequestOptions extends CallOptions {
  signal?: AbortSignal | undefined;
  /** Further headers, over those of the client. */
  headers?: HeaderOptions | undefined;
  /** How many bytes of events a stream keeps for readers that come late or fall behind; at the limit the oldest go,
   * and who asks for those gets a ReaderError. Default 32 MiB. */
  maxKeptBytes?: number | undefined;
  /** Called with this answer's figures when it has its ending; that of the client is called as well. */
  onMetrics?: OnMetrics | undefined;
}
