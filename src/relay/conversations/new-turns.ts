// The turns that a request adds to a conversation, checked.

import { answerCalls } from '../../client/engine.ts';
import type { ContentParam, MessageParam } from '../../client/index.ts';
import type { StoredTurn } from '../../storage/index.ts';
import { randomId } from '../http.ts';
import { RequestError } from '../request-error.ts';

/** `messages` of a request. Throws RequestError; what a block has in it is for the API to say. */
export function readMessages(value: unknown): MessageParam[] {
  if (!Array.isArray(value)) throw new RequestError(400, 'messages: Field required');
  return value.map((message: unknown, index) => {
    const { role, content } = Object(message) as { role?: unknown; content?: unknown };
    if (role !== 'user' && role !== 'assistant')
      throw new RequestError(400, `messages.${index}.role: must be user or assistant`);
    const isContent = typeof content === 'string' || (Array.isArray(content) && content.every(isBlock));
    if (!isContent || content.length === 0)
      throw new RequestError(400, `messages.${index}.content: must be a text or a list of blocks, not empty`);
    return { role, content: content as string | ContentParam[] };
  });
}

function isBlock(value: unknown): boolean {
  return typeof (Object(value) as { type?: unknown }).type === 'string';
}

/** The messages as turns behind `parent`. The first one answers the calls of tools that `before` leaves open. */
export function toTurns(
  messages: readonly MessageParam[],
  { parent, before, now }: { parent: string | null; before: readonly MessageParam[]; now: number },
): StoredTurn[] {
  let last = parent;
  return messages.map(({ role, content }, index) => {
    const isFirst = index === 0 && role === 'user';
    const turn: StoredTurn = {
      id: randomId(),
      parent: last,
      role,
      content: isFirst ? answerCalls(before, content) : content,
      createdAt: now,
    };
    last = turn.id;
    return turn;
  });
}

const titleLength = 80;

/** What a conversation is called by its first words. */
export function titleOf(turns: readonly StoredTurn[]): string {
  const first = turns.find(({ role }) => role === 'user')?.content ?? '';
  const text =
    typeof first === 'string' ? first : (first.map(textOf).find((part) => part.trim() !== '') ?? '');
  return cleanTitle(text) || 'Untitled';
}

/** On one line, without what a screen would not show, cut between two characters. */
export function cleanTitle(text: string): string {
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim();
  const characters = Array.from(line.slice(0, titleLength * 2));
  return characters.length > titleLength
    ? `${characters
        .slice(0, titleLength - 1)
        .join('')
        .trimEnd()}…`
    : characters.join('');
}

function textOf(block: { readonly type: string }): string {
  const { text } = block as { text?: unknown };
  return block.type === 'text' && typeof text === 'string' ? text : '';
}
