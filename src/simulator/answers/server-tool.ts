// The blocks of a tool that the API runs itself: a call, and what came of it.

import type { BlockPart } from '../answer-part.ts';
import type { JsonObject } from '../json-object.ts';
import type { Question } from '../question.ts';

export function serverCall(name: string, input: JsonObject): BlockPart {
  return { type: 'block', block: { type: 'server_tool_use', name, input } };
}

/** What came of the last call. `tool` as the result's type has it: `bash_code_execution` and not `bash`. */
export function serverResult(tool: string, content: unknown, others: JsonObject = {}): BlockPart {
  return { type: 'block', block: { type: `${tool}_tool_result`, content, ...others } };
}

/** What came of it, or the error that the prompt asks for. */
export function resultOrError(question: Question, tool: string, content: unknown): BlockPart {
  const code = askedErrorCode(question);
  return serverResult(
    tool,
    code === undefined ? content : { type: `${tool}_tool_result_error`, error_code: code },
  );
}

/** The code that stands behind the word `error`, else `unavailable`; undefined when no error was asked for. */
export function askedErrorCode({ prompt }: Question): string | undefined {
  const [, code] = /\berror\b(?:\W+([a-z]+(?:_[a-z]+)+))?/.exec(prompt) ?? [undefined, undefined];
  return /\berror\b/i.test(prompt) ? (code ?? 'unavailable') : undefined;
}

/** What is said after an error. */
export function explainError(code: string): string {
  return `The tool gave no result but the error \`${code}\`, so there is nothing to tell. A model would try again, or say so as plainly.`;
}
