// What the page asks of its relay besides streams.

import type { KeptConversation } from './chat/kept-conversation.ts';
import { FollowError } from './errors.ts';
import { responseError } from './stream/response-error.ts';

export interface RelayInfo {
  readonly version: string;
  /** Answers come from the built-in simulator. */
  readonly simulated: boolean;
  readonly model: string;
  readonly maxTokens: number;
  /** Who has signed in; undefined where nobody has, or need not. */
  readonly owner: string | undefined;
}

export interface ConversationItem {
  readonly id: string;
  readonly title: string;
  /** Milliseconds since 1970. */
  readonly updatedAt: number;
}

/** Every method rejects when the relay does not answer, or says no. */
export interface RelayApi {
  info(): Promise<RelayInfo>;
  /** Stops a stream; the stream itself says when it has. */
  stop(streamId: string): Promise<void>;
  /** Begins a session with one of the relay's keys. */
  signIn(key: string): Promise<void>;
  signOut(): Promise<void>;
  /** The conversations behind `after`, the one changed last first; `next` is where more of them begin. */
  conversations(
    after: string | undefined,
  ): Promise<{ readonly items: readonly ConversationItem[]; readonly next: string | undefined }>;
  conversation(id: string): Promise<KeptConversation>;
  /** Resolves with the title as the relay keeps it. */
  renameConversation(id: string, title: string): Promise<string>;
  deleteConversation(id: string): Promise<void>;
}

type Fetch = (path: string, init: RequestInit) => Promise<Response>;

const conversationsAtOnce = 30;

export function createRelayApi(fetch: Fetch): RelayApi {
  const ask = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const response = await fetch(path, { ...init, cache: 'no-store' });
    if (!response.ok) throw await responseError(response);
    return response;
  };
  const askFor = async (path: string, init?: RequestInit): Promise<unknown> => (await ask(path, init)).json();
  return {
    info: async () => parseInfo(await askFor('/relay.json')),
    stop: async (streamId) => {
      await ask(`/streams/${encodeURIComponent(streamId)}/stop`, { method: 'POST' });
    },
    signIn: async (key) => {
      await ask('/session', jsonOf('POST', { key }));
    },
    signOut: async () => {
      await ask('/session', { method: 'DELETE' });
    },
    conversations: async (after) => {
      const search = new URLSearchParams({ limit: String(conversationsAtOnce), ...(after && { after }) });
      const page = (await askFor(`/conversations?${search}`)) as ConversationPage;
      return { items: page.conversations, next: page.next ?? undefined };
    },
    conversation: async (id) => (await askFor(conversationPath(id))) as KeptConversation,
    renameConversation: async (id, title) => {
      const renamed = (await askFor(conversationPath(id), jsonOf('PATCH', { title }))) as KeptConversation;
      return renamed.title;
    },
    deleteConversation: async (id) => {
      await ask(conversationPath(id), { method: 'DELETE' });
    },
  };
}

interface ConversationPage {
  readonly conversations: readonly ConversationItem[];
  readonly next: string | null;
}

function jsonOf(method: string, body: object): RequestInit {
  return { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

function conversationPath(id: string): string {
  return `/conversations/${encodeURIComponent(id)}`;
}

function parseInfo(value: unknown): RelayInfo {
  const { version, simulated, model, max_tokens, session } = (value ?? {}) as Record<string, unknown>;
  if (typeof version !== 'string' || typeof model !== 'string' || typeof max_tokens !== 'number') {
    throw new FollowError('unreachable', `Cannot read /relay.json: ${JSON.stringify(value)?.slice(0, 200)}`);
  }
  return {
    version,
    simulated: simulated === true,
    model,
    maxTokens: max_tokens,
    owner: typeof session === 'string' ? session : undefined,
  };
}
