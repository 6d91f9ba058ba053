// What of an answer goes into the history, so that the next request with it is taken: the API refuses blank text,
// thinking without its signature or at the very end, and calls that lack input or result.

import type { ContentBlock, DeepReadonly, Message, PartialJson } from '../protocol/index.ts';
import type { ContentParam } from './message-params.ts';

type Block = DeepReadonly<ContentBlock>;

export interface AnswerSoFar {
  readonly message: DeepReadonly<Message> | undefined;
  /** Whether the model ended it, and nothing cut it. */
  readonly isWhole: boolean;
  readonly inputOf: (block: Block) => PartialJson | undefined;
}

/**
 * The blocks to keep, as they came: signatures byte for byte. Empty when nothing can be kept. A tool call is kept
 * though it has no result yet: see {@link answerCalls}.
 */
export function keepContent(answer: AnswerSoFar): ContentParam[] {
  const blocks = blocksOf(answer.message).filter((block) => !isBlank(block));
  const kept = answer.isWhole ? blocks : wholeBlocks(blocks, answer);
  const end = kept.findLastIndex(({ type }) => type !== 'thinking' && type !== 'redacted_thinking');
  return kept.slice(0, end + 1).map(withSoundInput);
}

function wholeBlocks(blocks: readonly Block[], answer: AnswerSoFar): Block[] {
  const answered = new Set(blocks.map((block) => fieldOf(block, 'tool_use_id')));
  return blocks.filter((block) => {
    if (block.type === 'tool_use') return isCallWhole(block, answer);
    return partsKept[block.type]?.(block, answered) ?? true;
  });
}

/** All blocks but calls whose id comes again behind them: a gateway has begun such a call twice, and the API takes an
 * id once. */
export function blocksOf(message: AnswerSoFar['message']): readonly Block[] {
  const content: readonly Block[] = message?.content ?? [];
  const calls = new Map(content.map((block) => [fieldOf(block, 'id'), block]));
  return content.filter((block) => block.type !== 'tool_use' || calls.get(block.id) === block);
}

/** Whether a call's input is all there. A call without any has no text: then only what follows it says so. */
export function isCallWhole(block: Block, { message, isWhole, inputOf }: AnswerSoFar): boolean {
  const input = inputOf(block);
  return input === undefined ? isWhole || message?.content.at(-1) !== block : input.complete;
}

/** Which blocks of an answer that was cut can be kept; those not listed can. */
const partsKept: Readonly<Record<string, (block: Block, answered: ReadonlySet<unknown>) => boolean>> = {
  // The signature is the last thing that comes of it.
  thinking: (block) => typeof fieldOf(block, 'signature') === 'string' && fieldOf(block, 'signature') !== '',
  server_tool_use: (block, answered) => answered.has(fieldOf(block, 'id')),
  mcp_tool_use: (block, answered) => answered.has(fieldOf(block, 'id')),
  compaction: (block) => fieldOf(block, 'content') != null,
};

function isBlank(block: Block): boolean {
  return block.type === 'text' && String(fieldOf(block, 'text')).trim() === '';
}

/** The API takes objects alone as a call's input, whatever the model wrote. */
function withSoundInput(block: Block): ContentParam {
  if (!('input' in block)) return block;
  const { input } = block as { input: unknown };
  const isSound = typeof input === 'object' && input !== null && !Array.isArray(input);
  return isSound ? block : { ...block, input: {} };
}

function fieldOf(block: Block, field: string): unknown {
  return (block as Readonly<Record<string, unknown>>)[field];
}
