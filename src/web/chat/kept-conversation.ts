// A conversation as the relay keeps it, and what the page shows of it: the branch up to its head.

import type { ContentBlock, Message, Usage } from '../../protocol/index.ts';
import { isProblemCode } from './problem.ts';
import type { AnswerRecord, AnswerState } from './answer.ts';
import type { TurnRecord } from './chat-store.ts';

/** A turn, as `GET /conversations/:id` says it. */
interface KeptTurn {
  readonly id: string;
  readonly parent: string | null;
  readonly role: string;
  readonly content: string | readonly ContentBlock[];
  readonly state?: string;
  readonly answer?: {
    readonly ending: string;
    readonly code?: string;
    readonly stop_reason?: string | null;
    readonly model?: string;
    readonly usage?: Usage;
  };
}

export interface KeptConversation {
  readonly id: string;
  readonly title: string;
  readonly head: string | null;
  readonly turns: readonly KeptTurn[];
}

/** Turns without a word of a user, such as results of tools, are nothing to show. */
export function toTurnRecords({ turns, head }: KeptConversation): TurnRecord[] {
  return branchTo(turns, head).flatMap((turn): TurnRecord[] => {
    if (turn.role === 'assistant') return [{ type: 'answer', ...toAnswer(turn) }];
    const text = textOf(turn.content);
    return text === '' ? [] : [{ type: 'question', key: turn.id, text }];
  });
}

function branchTo(turns: readonly KeptTurn[], head: string | null): KeptTurn[] {
  const byId = new Map(turns.map((turn) => [turn.id, turn]));
  const branch: KeptTurn[] = [];
  for (let turn = byId.get(head ?? ''); turn !== undefined; turn = byId.get(turn.parent ?? '')) {
    // Each once, whatever a store says of parents.
    byId.delete(turn.id);
    branch.unshift(turn);
  }
  return branch;
}

/** The page does not know with which key the answer was asked for: its name stands for one. */
function toAnswer(turn: KeptTurn): AnswerRecord {
  const { id } = turn;
  const state = stateOf(turn);
  return state.type === 'submitted'
    ? { key: id, streamId: id, state }
    : { key: id, streamId: id, state, message: messageOf(turn) };
}

function stateOf({ state, answer }: KeptTurn): AnswerState {
  if (state === 'streaming') return { type: 'submitted' };
  const { ending = 'complete', code } = answer ?? {};
  if (ending === 'complete' || ending === 'stopped') return { type: ending };
  if (ending === 'lost') return { type: 'failed', problem: { code: 'gone', message: '' } };
  return { type: 'failed', problem: { code: isProblemCode(code) ? code : 'other', message: '' } };
}

function messageOf({ id, content, answer }: KeptTurn): Message {
  const blocks = typeof content === 'string' ? [{ type: 'text' as const, text: content }] : content;
  return {
    id,
    type: 'message',
    role: 'assistant',
    model: answer?.model ?? '',
    content: blocks as ContentBlock[],
    stop_reason: answer?.stop_reason ?? null,
    stop_sequence: null,
    usage: answer?.usage ?? { input_tokens: 0, output_tokens: 0 },
  };
}

function textOf(content: KeptTurn['content']): string {
  if (typeof content === 'string') return content;
  return content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n\n');
}
