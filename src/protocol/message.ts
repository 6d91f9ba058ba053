// The message and its content blocks, with the wire's own names. Fields are optional here exactly when recorded
// streams leave them out; the wire grows fields over time, and every field received is kept, listed or not.

import type { OpenString, UnknownObject } from './unknown-type.ts';

/** A message as the Messages API replies with it, and as a stream accumulates to it. */
export interface Message {
  id: string;
  type: 'message';
  role: 'assistant';
  /** The model that answered; a `fallback` block changes it. */
  model: string;
  content: ContentBlock[];
  stop_reason: StopReason | null;
  stop_sequence: string | null;
  stop_details?: StopDetails | null;
  container?: Container | null;
  context_management?: ContextManagement | null;
  diagnostics?: object | null;
  input_transformations?: object[] | null;
  usage: Usage;
}

export type StopReason = OpenString<
  | 'end_turn'
  | 'max_tokens'
  | 'stop_sequence'
  | 'tool_use'
  | 'pause_turn'
  | 'refusal'
  | 'compaction'
  | 'model_context_window_exceeded'
>;

export interface StopDetails {
  type: OpenString<'refusal'>;
  category: OpenString<'cyber' | 'bio' | 'frontier_llm' | 'reasoning_extraction' | 'general_harms'> | null;
  explanation: string | null;
}

export interface Container {
  id: string;
  /** RFC 3339. */
  expires_at: string;
  skills?: { type: OpenString<'anthropic' | 'custom'>; skill_id: string; version: string }[] | null;
}

export interface ContextManagement {
  applied_edits: object[];
}

/** Tokens used by the whole request so far: every count is a running total. */
export interface Usage {
  input_tokens: number;
  output_tokens: number;
  cache_creation_input_tokens?: number | null;
  cache_read_input_tokens?: number | null;
  cache_creation?: { ephemeral_5m_input_tokens: number; ephemeral_1h_input_tokens: number } | null;
  server_tool_use?: { web_search_requests?: number; web_fetch_requests?: number } | null;
  output_tokens_details?: { thinking_tokens: number } | null;
  service_tier?: OpenString<'standard' | 'priority' | 'batch'> | null;
  inference_geo?: string | null;
  speed?: OpenString<'standard' | 'fast'> | null;
  iterations?: object[] | null;
  fallback_credit?: object | null;
}

/** A block of a type listed in {@link KnownContentBlock}, or of one this version has no name for. */
export type ContentBlock = KnownContentBlock | UnknownObject;

export type KnownContentBlock =
  | TextBlock
  | ThinkingBlock
  | RedactedThinkingBlock
  | ToolUseBlock
  | ServerToolUseBlock
  | McpToolUseBlock
  | WebSearchToolResultBlock
  | WebFetchToolResultBlock
  | CodeExecutionToolResultBlock
  | BashCodeExecutionToolResultBlock
  | TextEditorCodeExecutionToolResultBlock
  | ToolSearchToolResultBlock
  | McpToolResultBlock
  | McpToolListingBlock
  | AdvisorToolResultBlock
  | ContainerUploadBlock
  | CompactionBlock
  | FallbackBlock;

export interface TextBlock {
  type: 'text';
  text: string;
  citations?: TextCitation[] | null;
}

export interface ThinkingBlock {
  type: 'thinking';
  thinking: string;
  /** Opaque; must go back to the API byte for byte. */
  signature?: string;
}

export interface RedactedThinkingBlock {
  type: 'redacted_thinking';
  data: string;
}

/** A call of one of the caller's own tools. `input` is what its JSON text has given so far. */
export interface ToolUseBlock {
  type: 'tool_use';
  id: string;
  name: string;
  input: unknown;
  caller?: ToolCaller;
  toolset_name?: string | null;
}

/** A call of a tool that the API itself runs. */
export interface ServerToolUseBlock {
  type: 'server_tool_use';
  id: string;
  name: OpenString<
    | 'web_search'
    | 'web_fetch'
    | 'code_execution'
    | 'bash_code_execution'
    | 'text_editor_code_execution'
    | 'tool_search_tool_regex'
    | 'tool_search_tool_bm25'
    | 'advisor'
  >;
  input: unknown;
  caller?: ToolCaller;
}

export interface McpToolUseBlock {
  type: 'mcp_tool_use';
  id: string;
  name: string;
  server_name: string;
  input: unknown;
}

/** Who called the tool: the model itself, or code it runs in a container. */
export type ToolCaller =
  | { type: 'direct' }
  | { type: 'code_execution_20250825' | 'code_execution_20260120'; tool_id: string }
  | UnknownObject;

/** Why a server tool gave no result. */
export interface ToolResultError<Type extends string> {
  type: Type;
  error_code: string;
  error_message?: string | null;
}

export interface WebSearchToolResultBlock {
  type: 'web_search_tool_result';
  tool_use_id: string;
  content: WebSearchResult[] | ToolResultError<'web_search_tool_result_error'>;
  caller?: ToolCaller;
}

export interface WebSearchResult {
  type: 'web_search_result';
  url: string;
  title: string;
  encrypted_content: string;
  page_age: string | null;
}

export interface WebFetchToolResultBlock {
  type: 'web_fetch_tool_result';
  tool_use_id: string;
  content: WebFetchResult | ToolResultError<'web_fetch_tool_result_error'>;
  caller?: ToolCaller;
}

export interface WebFetchResult {
  type: 'web_fetch_result';
  url: string;
  content: FetchedDocument;
  retrieved_at: string | null;
}

export interface FetchedDocument {
  type: 'document';
  source: { type: OpenString<'base64' | 'text'>; media_type: string; data: string };
  title: string | null;
  citations?: { enabled: boolean } | null;
}

export interface CodeExecutionToolResultBlock {
  type: 'code_execution_tool_result';
  tool_use_id: string;
  content:
    | CodeExecutionResult
    | EncryptedCodeExecutionResult
    | ToolResultError<'code_execution_tool_result_error'>;
}

export interface CodeExecutionResult {
  type: 'code_execution_result';
  stdout: string;
  stderr: string;
  return_code: number;
  content: { type: 'code_execution_output'; file_id: string }[];
}

export interface EncryptedCodeExecutionResult {
  type: 'encrypted_code_execution_result';
  encrypted_stdout: string;
  stderr: string;
  return_code: number;
  content: { type: 'code_execution_output'; file_id: string }[];
}

export interface BashCodeExecutionToolResultBlock {
  type: 'bash_code_execution_tool_result';
  tool_use_id: string;
  content: BashCodeExecutionResult | ToolResultError<'bash_code_execution_tool_result_error'>;
}

export interface BashCodeExecutionResult {
  type: 'bash_code_execution_result';
  stdout: string;
  stderr: string;
  return_code: number;
  content: { type: 'bash_code_execution_output'; file_id: string }[];
}

export interface TextEditorCodeExecutionToolResultBlock {
  type: 'text_editor_code_execution_tool_result';
  tool_use_id: string;
  content: TextEditorResult | ToolResultError<'text_editor_code_execution_tool_result_error'>;
}

export type TextEditorResult =
  | {
      type: 'text_editor_code_execution_view_result';
      content: string;
      file_type: OpenString<'text' | 'image' | 'pdf'>;
      num_lines: number | null;
      start_line: number | null;
      total_lines: number | null;
    }
  | { type: 'text_editor_code_execution_create_result'; is_file_update: boolean }
  | {
      type: 'text_editor_code_execution_str_replace_result';
      lines: string[] | null;
      old_start: number | null;
      old_lines: number | null;
      new_start: number | null;
      new_lines: number | null;
    };

export interface ToolSearchToolResultBlock {
  type: 'tool_search_tool_result';
  tool_use_id: string;
  content: ToolSearchResult | ToolResultError<'tool_search_tool_result_error'>;
}

export interface ToolSearchResult {
  type: 'tool_search_tool_search_result';
  tool_references: { type: 'tool_reference'; tool_name: string }[];
}

export interface McpToolResultBlock {
  type: 'mcp_tool_result';
  tool_use_id: string;
  is_error: boolean;
  content: string | TextBlock[];
}

export interface McpToolListingBlock {
  type: 'mcp_tool_listing';
  mcp_server_name: string;
  tools: unknown[];
}

export interface AdvisorToolResultBlock {
  type: 'advisor_tool_result';
  tool_use_id: string;
  content: unknown;
}

/** A file that a server tool left in its container. */
export interface ContainerUploadBlock {
  type: 'container_upload';
  file_id: string;
}

/** A summary that stands for the turns before it. */
export interface CompactionBlock {
  type: 'compaction';
  content: string | null;
  encrypted_content?: string | null;
  signature?: string | null;
}

/** From here on another model answers. */
export interface FallbackBlock {
  type: 'fallback';
  from: { model: string };
  to: { model: string };
  trigger?: { type: OpenString<'refusal'>; category: string | null };
}

export type TextCitation = KnownTextCitation | UnknownObject;

export type KnownTextCitation =
  | ({ type: 'char_location'; start_char_index: number; end_char_index: number } & DocumentCitation)
  | ({ type: 'page_location'; start_page_number: number; end_page_number: number } & DocumentCitation)
  | ({
      type: 'content_block_location';
      start_block_index: number;
      end_block_index: number;
    } & DocumentCitation)
  | {
      type: 'web_search_result_location';
      cited_text: string;
      url: string;
      title: string | null;
      encrypted_index: string;
    }
  | {
      type: 'search_result_location';
      cited_text: string;
      source: string;
      title: string | null;
      search_result_index: number;
      start_block_index: number;
      end_block_index: number;
    };

interface DocumentCitation {
  cited_text: string;
  document_index: number;
  document_title: string | null;
  file_id?: string | null;
}

/** A value that may be looked at and not changed, all the way down. */
export type DeepReadonly<T> = T extends string
  ? T
  : T extends (infer Item)[]
    ? readonly DeepReadonly<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
      : T;
