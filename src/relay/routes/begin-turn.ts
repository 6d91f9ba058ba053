// What a request says of a conversation, and what that makes of its Messages body.

import type { MessagesBody } from '../access/asked.ts';
import { idRule, isConversationId } from '../conversations/conversation-id.ts';
import { errorResponse, randomId } from '../http.ts';
import type { RelayResponse } from '../http.ts';
import type { PageRequest } from '../page-request.ts';
import { RequestError } from '../request-error.ts';
import type { RouteContext } from '../route-context.ts';
import type { StartOptions } from '../start-options.ts';

export interface BegunTurn {
  readonly type: 'begun';
  /** What goes upstream. */
  readonly body: MessagesBody;
  readonly start: Pick<StartOptions, 'conversation' | 'turn' | 'onCreated'>;
}

/** What a response says of the conversation, in its headers. */
export function conversationHeaders(conversation: string | undefined): Readonly<Record<string, string>> {
  return conversation === undefined ? {} : { 'x-conversation-id': encodeURIComponent(conversation) };
}

/** Throws RequestError. */
export async function beginTurn(
  { fields, conversation: asked, parent: askedParent }: PageRequest,
  { context, idempotencyKey }: { context: RouteContext; idempotencyKey: string | undefined },
): Promise<BegunTurn | { readonly type: 'refused'; readonly response: RelayResponse }> {
  const conversation = conversationOf(asked);
  const parent = parentOf(askedParent);
  if (conversation === undefined) {
    if (parent !== undefined)
      throw new RequestError(400, 'parent: is a turn of a conversation, and none is named');
    return { type: 'begun', body: fields, start: {} };
  }
  const { caller, conversations } = context;
  const { messages } = fields;
  const ask = { owner: caller.owner, conversation, parent, messages, idempotencyKey };
  const begun = await conversations.begin(ask);
  if (begun.type === 'no_parent') {
    const message = `parent: the conversation has no turn ${JSON.stringify(parent)}`;
    const details = { code: 'parent_gone' };
    return { type: 'refused', response: errorResponse(404, 'not_found_error', message, details) };
  }
  if (begun.type === 'under_way') {
    const message = 'The turn to be followed is an answer that has not ended: wait for it, or stop it';
    const details = { code: 'answer_under_way' };
    return { type: 'refused', response: errorResponse(409, 'conflict_error', message, details) };
  }
  const askedTurn =
    idempotencyKey === undefined
      ? undefined
      : { key: idempotencyKey, conversation: asked === null ? null : conversation, parent };
  return {
    type: 'begun',
    body: { ...fields, messages: begun.messages },
    start: { conversation, turn: { ...begun.turn, asked: askedTurn }, onCreated: begun.add },
  };
}

/** Null asks for a new one, whose name is made here. */
function conversationOf(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (value === null) return randomId();
  if (isConversationId(value)) return value;
  throw new RequestError(400, `conversation: must be null, or a text ${idRule}`);
}

function parentOf(value: unknown): string | null | undefined {
  if (value === undefined || value === null || typeof value === 'string') return value;
  throw new RequestError(400, 'parent: must be the id of a turn, or null');
}
