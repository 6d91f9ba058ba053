// A user turn that may follow the turns before it: every call of a tool there has its result here, in the order of
// the calls and in front of all else, as the API demands it.

import type { ContentParam, MessageParam } from '../message-params.ts';
import { toToolFailure } from '../tools/tool-result.ts';

/** Calls without a result in `content` get one that says so to the model. */
export function answerCalls(
  messages: readonly MessageParam[],
  content: string | readonly ContentParam[],
): string | readonly ContentParam[] {
  const last = messages.at(-1);
  const calls = last?.role === 'assistant' && typeof last.content !== 'string' ? last.content : [];
  const ids = calls.flatMap((block) => (block.type === 'tool_use' ? [fieldOf(block, 'id')] : []));
  if (ids.length === 0) return content;
  const blocks: readonly ContentParam[] =
    typeof content === 'string' ? [{ type: 'text', text: content }] : content;
  const results = new Map(
    blocks.flatMap((block) => (block.type === 'tool_result' ? [[fieldOf(block, 'tool_use_id'), block]] : [])),
  );
  return [
    ...ids.map(
      (id) => results.get(id) ?? toToolFailure(id, 'The tool was not run: the answer was interrupted'),
    ),
    ...blocks.filter((block) => !ids.includes(fieldOf(block, 'tool_use_id'))),
  ];
}

function fieldOf(block: ContentParam, field: string): string {
  return String((block as Readonly<Record<string, unknown>>)[field]);
}
