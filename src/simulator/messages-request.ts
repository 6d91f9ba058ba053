// A request to the Messages API after it was found valid: only what the simulator's answer depends on.

import type { Block } from './answer-part.ts';
import type { JsonObject } from './json-object.ts';
import type { CachedTokens } from './prompt-cache.ts';
import type { PromptPart } from './prompt-parts.ts';

export interface MessagesRequest {
  /** The resolved id. */
  readonly model: string;
  readonly maxTokens: number;
  /** The conversation with consecutive messages of one role as one turn; never empty. */
  readonly turns: readonly Turn[];
  /** Only the tools the caller runs itself. */
  readonly tools: readonly ToolDefinition[];
  readonly offers: Offers;
  readonly toolChoice: ToolChoice;
  readonly thinking: 'off' | 'shown' | 'omitted';
  /** What the text of the answer has to fit; undefined where it is free. */
  readonly outputSchema?: JsonObject | undefined;
  readonly stopSequences: readonly string[];
  readonly isStream: boolean;
  /** All of them, cached or not. */
  readonly inputTokens: number;
  /** What they are counted from. */
  readonly parts: readonly PromptPart[];
  readonly cached: CachedTokens;
}

/** What the API may do itself while it answers. */
export interface Offers {
  /** Its own tools, such as `web_search_20250305`, as they were sent. */
  readonly serverTools: readonly Block[];
  /** The names of MCP servers. */
  readonly mcpServers: readonly string[];
  /** The id of a container to go on with. */
  readonly container: string | undefined;
  /** The models to fall back to. */
  readonly fallbacks: readonly string[];
  /** The edits of `context_management`; undefined without that field. */
  readonly contextEdits: readonly JsonObject[] | undefined;
}

export interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: readonly InputBlock[];
}

/** A content block as it was sent: its required fields are there, the others may be anything. */
export type InputBlock = Block;

export interface ToolDefinition {
  readonly name: string;
  readonly schema: JsonObject;
}

export type ToolChoice = (
  | { readonly type: 'auto' | 'any' | 'none' }
  | { readonly type: 'tool'; readonly name: string }
) & {
  /** Whether one call at most is wanted: `disable_parallel_tool_use`. */
  readonly isSingle?: boolean;
};

/** The texts of a turn, in order. */
export function textsOf({ content }: Turn): string[] {
  return content.flatMap(({ type, text }) => (type === 'text' && typeof text === 'string' ? [text] : []));
}
