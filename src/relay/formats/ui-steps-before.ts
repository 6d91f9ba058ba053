// The steps of a message that an answer goes on with, from the request that holds them: a client that reads a message
// from its beginning has forgotten them.

import { parseStreamEvent } from '../../protocol/index.ts';
import type { ContentBlock } from '../../protocol/index.ts';
import { isJsonObject } from '../json-object.ts';
import type { JsonObject } from '../json-object.ts';
import type { UiChunk, UiVersion } from './ui-chunk.ts';
import { UiParts } from './ui-parts.ts';
import type { ToolParts } from './ui-tools.ts';

/** The turns at the end of the conversation that a page shows as one message: calls of its tools, and their results.
 * None of a request that cannot be read. */
export function stepsBefore(
  request: string,
  { version, tools }: { version: UiVersion; tools: ToolParts },
): UiChunk[] {
  try {
    return stepsOf(turnsOf(request), { version, tools });
  } catch {
    return [];
  }
}

function stepsOf(
  turns: readonly JsonObject[],
  { version, tools }: { version: UiVersion; tools: ToolParts },
): UiChunk[] {
  const first = turns.findLastIndex((turn) => turn['role'] !== 'assistant' && !holdsResultsAlone(turn)) + 1;
  return turns.slice(first).flatMap((turn) => {
    const blocks = blocksOf(turn);
    if (turn['role'] !== 'assistant') return blocks.flatMap((block) => tools.pageResult(block));
    const parts = new UiParts(version, tools);
    const chunks: UiChunk[] = [{ type: 'start-step' }];
    for (const [index, block] of blocks.entries())
      chunks.push(...parts.replay(checked(block, index), { index }));
    tools.endStep();
    return chunks.concat({ type: 'finish-step' });
  });
}

function turnsOf(request: string): JsonObject[] {
  const body: unknown = JSON.parse(request);
  const messages = isJsonObject(body) ? body['messages'] : undefined;
  return Array.isArray(messages) ? messages.filter(isJsonObject) : [];
}

function blocksOf({ content }: JsonObject): JsonObject[] {
  return Array.isArray(content) ? content.filter(isJsonObject) : [];
}

function holdsResultsAlone(turn: JsonObject): boolean {
  const blocks = blocksOf(turn);
  return blocks.length > 0 && blocks.every((block) => block['type'] === 'tool_result');
}

/** Throws a ProtocolError for what is no block. */
function checked(block: JsonObject, index: number): ContentBlock {
  const data = JSON.stringify({ type: 'content_block_start', index, content_block: block });
  return (parseStreamEvent({ data }) as { content_block: ContentBlock }).content_block;
}
