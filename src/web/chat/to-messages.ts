// The conversation so far, as the Messages API wants it back. Of an answer only its text goes back: thinking is
// the model's own, and a tool call without its result would be refused.

import { isOpen } from './answer.ts';
import type { Answer } from './answer.ts';
import type { Turn } from './turn.ts';

export interface TextMessage {
  readonly role: 'assistant' | 'user';
  readonly content: readonly { readonly type: 'text'; readonly text: string }[];
}

/**
 * The turns as messages.
 *
 * 1. No message is empty, and no text is: answers without text are left out.
 * 2. Roles alternate: questions that got no answer become one message.
 * 3. A refused exchange is left out as a whole, or the model would refuse again.
 */
export function toMessages(turns: readonly Turn[]): TextMessage[] {
  const messages: { role: TextMessage['role']; content: { type: 'text'; text: string }[] }[] = [];
  for (const [index, turn] of turns.entries()) {
    if (isRefused(turn) || isRefused(turns[index + 1])) continue;
    const role = turn.type === 'question' ? 'user' : 'assistant';
    const content = textsOf(turn).map((text) => ({ type: 'text' as const, text }));
    const last = messages.at(-1);
    if (content.length === 0) continue;
    if (last?.role === role) last.content.push(...content);
    else messages.push({ role, content });
  }
  return messages;
}

function textsOf(turn: Turn): string[] {
  if (turn.type === 'question') return [turn.text];
  const blocks = isOpen(turn.state.value) ? [] : (turn.message?.content ?? []);
  return blocks.flatMap((block) => (block.type === 'text' && block.text.trim() !== '' ? [block.text] : []));
}

function isRefused(turn: Turn | undefined): turn is Answer {
  return turn?.type === 'answer' && turn.message?.stop_reason === 'refusal';
}
