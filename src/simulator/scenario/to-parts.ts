// The blocks of a scripted message as parts of an answer, which the wire then cuts, limits and counts as any other.

import type { AnswerPart } from '../answer-part.ts';
import type { JsonObject } from '../json-object.ts';
import type { MessageReply, ScriptedBlock } from './scenario.ts';

export function toParts(content: MessageReply['content']): AnswerPart[] {
  const blocks = typeof content === 'string' ? [content] : content;
  return blocks.map((block) => toPart(typeof block === 'string' ? { type: 'text', text: block } : block));
}

/** Of a shape that was found right. */
function toPart(block: ScriptedBlock): AnswerPart {
  const own = Object.hasOwn(ownParts, block.type) ? ownParts[block.type] : undefined;
  return own?.(block) ?? { type: 'block', block };
}

/** The types that have a part of their own, for a block with nothing but what the part can hold. */
const ownParts: Readonly<Record<string, (block: JsonObject) => AnswerPart | undefined>> = {
  text: ({ text, type: _type, ...others }) =>
    Object.keys(others).length === 0 ? { type: 'text', text: [String(text)] } : undefined,
  thinking: ({ thinking, signature }) => ({
    type: 'thinking',
    thinking: [String(thinking)],
    ...(typeof signature === 'string' ? { signature } : {}),
  }),
  tool_use: ({ id, name, input }) => ({
    type: 'tool_use',
    name: String(name),
    input: (input ?? {}) as JsonObject,
    ...(typeof id === 'string' ? { id } : {}),
  }),
};
