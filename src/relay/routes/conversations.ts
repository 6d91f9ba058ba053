// `/conversations`: what was said, to be listed, read, named, branched and deleted.

import type { ConversationSummary, StoredConversation, StoredTurn } from '../../storage/index.ts';
import { cleanTitle } from '../conversations/new-turns.ts';
import { errorResponse, jsonResponse } from '../http.ts';
import type { RelayRequest, RelayResponse } from '../http.ts';
import { readObject } from '../page-request.ts';
import { decodePathName } from '../path-name.ts';
import { RequestError } from '../request-error.ts';
import type { RouteContext } from '../route-context.ts';

const pageSizes = { least: 1, most: 100, usual: 20 };

export async function getConversations(
  { query }: RelayRequest,
  { conversations, caller: { owner } }: RouteContext,
): Promise<RelayResponse> {
  const search = new URLSearchParams(query);
  const limit = Number(search.get('limit') ?? pageSizes.usual);
  if (!Number.isInteger(limit) || limit < pageSizes.least || limit > pageSizes.most)
    throw new RequestError(400, `limit: must be from ${pageSizes.least} to ${pageSizes.most}`);
  const after = cursorOf(search.get('after'));
  const found = await conversations.store.list(owner, { limit: limit + 1, after });
  const page = found.slice(0, limit);
  const last = found.length > limit ? page.at(-1) : undefined;
  const next = last === undefined ? null : `${last.updatedAt}.${last.id}`;
  return jsonResponse(200, { conversations: page, next });
}

export async function getConversation(
  _request: RelayRequest,
  context: RouteContext,
  name: string,
): Promise<RelayResponse> {
  const id = decodePathName(name);
  const stored = id === undefined ? undefined : await context.conversations.read(context.caller.owner, id);
  return stored === undefined ? notFound(name) : jsonResponse(200, describe(stored));
}

export async function patchConversation(
  request: RelayRequest,
  context: RouteContext,
  name: string,
): Promise<RelayResponse> {
  const { title, head, ...others } = await readObject(request, context);
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new RequestError(400, `${unknown}: is not a field of a conversation`);
  const change = { title: titleFrom(title), head: headFrom(head) };
  const { conversations, caller } = context;
  const id = decodePathName(name);
  const result = id === undefined ? 'gone' : await conversations.change(caller.owner, id, change);
  if (result === 'no_turn')
    return errorResponse(
      404,
      'not_found_error',
      `head: the conversation has no turn ${JSON.stringify(head)}`,
    );
  return result === 'gone' ? notFound(name) : getConversation(request, context, name);
}

/** Its answers go with it: one that is under way is stopped. Again it is a 404, and does no harm. */
export async function deleteConversation(
  _request: RelayRequest,
  { conversations, caller: { owner }, streams }: RouteContext,
  name: string,
): Promise<RelayResponse> {
  const id = decodePathName(name);
  const answers = id === undefined ? undefined : await conversations.store.delete(owner, id);
  if (answers === undefined) return notFound(name);
  for (const answer of answers) {
    const state = await streams.log.state(answer);
    // An id that a page chose for a turn may be that of somebody's stream.
    if (state?.owner === owner) await streams.remove(answer);
  }
  return { status: 204, headers: {}, body: '' };
}

function describe({ turns, ...summary }: StoredConversation): object {
  return { ...summary, turns: turns.map(describeTurn) };
}

function describeTurn({ isOpen, key: _key, ...turn }: StoredTurn): object {
  const state = isOpen === true ? 'streaming' : 'ended';
  return turn.role === 'assistant' ? { ...turn, state } : turn;
}

function titleFrom(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const title = typeof value === 'string' ? cleanTitle(value) : '';
  if (title === '') throw new RequestError(400, 'title: must be a text that is not empty');
  return title;
}

function headFrom(value: unknown): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw new RequestError(400, 'head: must be the id of a turn');
}

/** Throws RequestError for what is no `next` of a list. */
function cursorOf(text: string | null): Pick<ConversationSummary, 'id' | 'updatedAt'> | undefined {
  if (text === null) return undefined;
  const [, updatedAt, id] = /^(\d{1,15})\.(.+)$/su.exec(text) ?? [];
  if (id === undefined) throw new RequestError(400, 'after: must be the `next` of a list');
  return { id, updatedAt: Number(updatedAt) };
}

function notFound(name: string): RelayResponse {
  return errorResponse(404, 'not_found_error', `conversation: ${name}`);
}
