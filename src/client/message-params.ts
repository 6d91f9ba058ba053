// The parameters of a request, with the wire's own names. Fields not listed go through unchanged.

import type { ContentBlock, OpenString } from '../protocol/index.ts';

export interface MessageParams {
  model: string;
  /** The most tokens the answer may have. */
  max_tokens: number;
  messages: MessageParam[];
  system?: string | { type: 'text'; text: string }[];
  stop_sequences?: string[];
  temperature?: number;
  tools?: object[];
  tool_choice?: object;
  thinking?: object;
  metadata?: object;
  /** Names of betas, sent as `anthropic-beta`. */
  betas?: string[];
  [field: string]: unknown;
}

export interface MessageParam {
  role: 'user' | 'assistant';
  content: string | ContentParam[];
}

/** A block as it goes up: one that came down, or one of the caller's own. */
export type ContentParam =
  | ContentBlock
  | { type: OpenString<'image' | 'document' | 'tool_result' | 'search_result'>; [field: string]: unknown };

export interface RequestOptions {
  signal?: AbortSignal;
  /** Further headers, over those of the client. */
  headers?: Readonly<Record<string, string>>;
}
