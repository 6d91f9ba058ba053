// What an answer is chosen by: the last thing the user said, and what was said around it.

import { withoutFaults } from './faults/short-form.ts';
import { textsOf } from './messages-request.ts';
import type { InputBlock, MessagesRequest } from './messages-request.ts';

export interface Question {
  readonly request: MessagesRequest;
  /** The last text of the last user turn, without its fault plan; empty when it has none. */
  readonly prompt: string;
  /** The results in the last user turn, with the names of the tools they are from. */
  readonly toolResults: readonly ToolResult[];
}

export interface ToolResult {
  readonly tool: string;
  readonly isError: boolean;
  readonly text: string;
}

export function toQuestion(request: MessagesRequest): Question {
  const position = request.turns.findLastIndex(({ role }) => role === 'user');
  const turn = request.turns[position];
  if (turn === undefined) return { request, prompt: '', toolResults: [] };
  const calls = request.turns[position - 1]?.content ?? [];
  const results = turn.content.filter(({ type }) => type === 'tool_result');
  return {
    request,
    prompt: withoutFaults(textsOf(turn).at(-1) ?? ''),
    toolResults: results.map((result) => toToolResult(result, calls)),
  };
}

function toToolResult(result: InputBlock, calls: readonly InputBlock[]): ToolResult {
  const call = calls.find(({ id }) => id === result['tool_use_id']);
  const { content } = result;
  const blocks = Array.isArray(content) ? (content as readonly InputBlock[]) : [];
  return {
    tool: typeof call?.['name'] === 'string' ? call['name'] : 'tool',
    isError: result['is_error'] === true,
    text: typeof content === 'string' ? content : textsOf({ role: 'user', content: blocks }).join('\n'),
  };
}
