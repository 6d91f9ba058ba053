// The calls of tools in a UI message, the API's own and the page's, and their results.

import type { PartialJson } from '../../protocol/index.ts';
import { isJsonObject, stringOr } from '../json-object.ts';
import type { JsonObject } from '../json-object.ts';
import { withMetadata } from './ui-chunk.ts';
import type { UiChunk } from './ui-chunk.ts';

export interface ToolCall {
  readonly toolCallId: string;
  readonly toolName: string;
  /** True for a tool that the API runs itself. */
  readonly isServers: boolean;
  readonly metadata: JsonObject;
}

const resultSuffix = '_tool_result';

/** Undefined for a block that calls nothing. */
export function toolCallOf({ type, id, name, input: _, ...others }: JsonObject): ToolCall | undefined {
  if (typeof type !== 'string' || typeof id !== 'string' || typeof name !== 'string') return undefined;
  if (type !== 'tool_use' && !type.endsWith('_tool_use')) return undefined;
  const isServers = type !== 'tool_use';
  const isPlain = !isServers && Object.keys(others).length === 0;
  return {
    toolCallId: id,
    toolName: name,
    isServers,
    metadata: isPlain ? {} : withMetadata({ millrace: { block: { type, ...others } } }),
  };
}

/** Whether the block has what a tool of the API's gave. */
export function isToolResult({ type, tool_use_id }: JsonObject): boolean {
  return typeof type === 'string' && type.endsWith(resultSuffix) && typeof tool_use_id === 'string';
}

/** Knows the calls of one message: a client takes no result of a call that it has not seen. */
export class ToolParts {
  readonly #known = new Set<string>();
  /** Of the step under way, which may be taken back. */
  readonly #ofStep = new Set<string>();

  /** The step is over, and stands. */
  endStep(): void {
    this.#ofStep.clear();
  }

  /** The client has dropped the step. */
  dropStep(): void {
    for (const id of this.#ofStep) this.#known.delete(id);
    this.#ofStep.clear();
  }

  start(call: ToolCall): UiChunk {
    return { type: 'tool-input-start', ...this.#fieldsOf(call) };
  }

  /** The call with its whole input. */
  whole(block: JsonObject, input: PartialJson | undefined): UiChunk[] {
    const call = toolCallOf(block);
    if (call === undefined) return [];
    const fields = this.#fieldsOf(call);
    if (input === undefined || input.complete)
      return [{ type: 'tool-input-available', ...fields, input: input?.value ?? block['input'] ?? {} }];
    const errorText = 'The input of this call is no JSON';
    return [{ type: 'tool-input-error', ...fields, input: input.text, errorText }];
  }

  result({ tool_use_id, content, ...others }: JsonObject): UiChunk[] {
    const toolCallId = stringOr(tool_use_id, '');
    const type = stringOr(others['type'], '');
    const fields = { toolCallId, providerExecuted: true, dynamic: true };
    const called = this.#known.has(toolCallId)
      ? []
      : this.whole({ type: 'server_tool_use', id: toolCallId, name: nameOf(type), input: {} }, undefined);
    const errorText = errorOf(others, content);
    if (errorText === undefined) {
      const metadata = withMetadata({ millrace: { block: others } });
      return [...called, { type: 'tool-output-available', ...fields, output: content ?? null, ...metadata }];
    }
    const metadata = withMetadata({ millrace: { block: { ...others, content } } });
    return [...called, { type: 'tool-output-error', ...fields, errorText, ...metadata }];
  }

  /** What a page's tool gave, in the words of the Messages API. */
  pageResult({ tool_use_id, content, is_error }: JsonObject): UiChunk[] {
    const toolCallId = stringOr(tool_use_id, '');
    if (!this.#known.has(toolCallId)) return [];
    const fields = { toolCallId, dynamic: true };
    if (is_error !== true) return [{ type: 'tool-output-available', ...fields, output: content ?? null }];
    const errorText = stringOr(content, 'The tool failed');
    return [{ type: 'tool-output-error', ...fields, errorText }];
  }

  #fieldsOf({ toolCallId, toolName, isServers, metadata }: ToolCall): JsonObject {
    if (!this.#known.has(toolCallId)) this.#ofStep.add(toolCallId);
    this.#known.add(toolCallId);
    const executed = isServers ? { providerExecuted: true } : {};
    return { toolCallId, toolName, dynamic: true, ...executed, ...metadata };
  }
}

/** Undefined for a result that is none of an error. */
function errorOf({ is_error }: JsonObject, content: unknown): string | undefined {
  if (is_error === true) return textOf(content) || 'The tool failed';
  if (!isJsonObject(content) || typeof content['error_code'] !== 'string') return undefined;
  return stringOr(content['error_message'], content['error_code']);
}

function textOf(content: unknown): string {
  if (typeof content === 'string') return content;
  const blocks: readonly unknown[] = Array.isArray(content) ? content : [];
  return blocks.map((block) => (isJsonObject(block) ? stringOr(block['text'], '') : '')).join('');
}

/** Of a call that no event told of. */
function nameOf(resultType: string): string {
  return resultType.slice(0, -resultSuffix.length) || 'tool';
}
