// What a tool gave back, as the API takes it.

import type { ContentParam } from '../message-params.ts';

/** The answer to one call. */
export interface ToolResultBlock {
  readonly type: 'tool_result';
  readonly tool_use_id: string;
  /** None for a tool that gave nothing back. */
  readonly content?: string | readonly ContentParam[];
  readonly is_error?: true;
  readonly [field: string]: unknown;
}

/** A text as it is, content blocks as they are, nothing as no content, all else as JSON. Throws a TypeError for what
 * JSON has no words for. */
export function toToolResult(id: string, output: unknown): ToolResultBlock {
  const content = typeof output === 'string' || isContent(output) ? output : JSON.stringify(output);
  return { type: 'tool_result', tool_use_id: id, ...(content === undefined ? {} : { content }) };
}

export function toToolFailure(id: string, content: string | readonly ContentParam[]): ToolResultBlock {
  return { type: 'tool_result', tool_use_id: id, content, is_error: true };
}

/** The blocks that a result may hold, and the field that tells each from data with a `type` of its own. */
const fieldsOfBlocks: Readonly<Record<string, string>> = {
  text: 'text',
  image: 'source',
  document: 'source',
  search_result: 'content',
  tool_reference: 'tool_name',
};

function isContent(output: unknown): output is readonly ContentParam[] {
  return Array.isArray(output) && output.length > 0 && output.every(isBlock);
}

function isBlock(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { type } = value as { type?: unknown };
  const field =
    typeof type === 'string' && Object.hasOwn(fieldsOfBlocks, type) ? fieldsOfBlocks[type] : undefined;
  return field !== undefined && field in value;
}
