// The calls in an answer that is whole.

import type { DeepReadonly, PartialJson, ToolUseBlock } from '../../protocol/index.ts';
import { blocksOf, isCallWhole } from '../keep-content.ts';
import type { AnswerSoFar } from '../keep-content.ts';
import type { WrittenCall } from './run-calls.ts';

/** The calls of tools that the caller runs; those of the server are its own business. */
export function writtenCalls(answer: AnswerSoFar): WrittenCall[] {
  return blocksOf(answer.message).flatMap((block) =>
    block.type === 'tool_use' ? [toCall(block, answer)] : [],
  );
}

function toCall(block: DeepReadonly<ToolUseBlock>, answer: AnswerSoFar): WrittenCall {
  const { id, name } = block;
  const input = answer.inputOf(block);
  if (input?.error !== undefined)
    return { id, name, input: undefined, problem: notJson(input.error.message) };
  if (!isCallWhole(block, answer))
    return { id, name, input: undefined, problem: 'its input is not complete' };
  return { id, name, input: copyOf(block, input), problem: undefined };
}

function notJson(message: string): string {
  return `its input is not JSON: ${message}`;
}

/** The tool may change its input as it likes: the history has its own. */
function copyOf({ input }: DeepReadonly<ToolUseBlock>, written: PartialJson | undefined): unknown {
  return written === undefined ? structuredClone(input) : (JSON.parse(written.text) as unknown);
}
