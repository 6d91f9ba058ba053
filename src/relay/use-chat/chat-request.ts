// The request of `useChat` (the AI SDK's DefaultChatTransport) as a request of the Messages API. What is wrong with one
// is said in a sentence: the page shows it as it is.

import type { MessageParam } from '../../client/index.ts';
import type { MessagesBody } from '../access/asked.ts';
import { idRule, isConversationId } from '../conversations/conversation-id.ts';
import { isJsonObject } from '../json-object.ts';
import type { JsonObject } from '../json-object.ts';
import { readObject } from '../page-request.ts';
import type { PageRequest } from '../page-request.ts';
import { RequestError } from '../request-error.ts';
import type { RelayRequest } from '../http.ts';
import type { RouteContext } from '../route-context.ts';
import { toHistory } from './to-history.ts';
import { toTools } from './to-tools.ts';

export interface ChatRequest extends Pick<PageRequest, 'onDisconnect'> {
  /** The Messages request, as it goes upstream. */
  readonly body: MessagesBody;
  /** Its messages. */
  readonly turns: readonly MessageParam[];
  readonly chatId: string;
  /** Of the message that the answer goes on with: it holds the calls of tools that the page has carried out. */
  readonly messageId: string | undefined;
}

/** Fields of the Messages API that a page may set, by the transport's `body`. All others are the page's own, or of the
 * libraries in it, and go nowhere. */
const messagesFields: readonly string[] = [
  'container',
  'context_management',
  'fallbacks',
  'max_tokens',
  'mcp_servers',
  'model',
  'output_config',
  'stop_sequences',
  'temperature',
  'thinking',
  'tool_choice',
  'top_k',
  'top_p',
];

/** Throws RequestError. */
export async function parseChatRequest(
  request: RelayRequest,
  context: Pick<RouteContext, 'settings' | 'limits' | 'access'>,
): Promise<ChatRequest> {
  const fields = await readObject(request, context);
  const messages = messagesOf(fields['messages']);
  const history = toHistory(messages);
  const system = systemOf(fields['system'], history.system);
  const tools = toTools(fields['tools']);
  const body = {
    model: context.settings.model,
    max_tokens: context.settings.maxTokens,
    ...Object.fromEntries(
      messagesFields.flatMap((name) => (fields[name] == null ? [] : [[name, fields[name]]])),
    ),
    ...(system === undefined ? {} : { system }),
    ...(tools === undefined ? {} : { tools }),
    messages: history.turns,
    stream: true,
  };
  return {
    chatId: parseChatId(fields['id'], 'id'),
    messageId: continuedId(fields, messages),
    body,
    turns: history.turns as unknown as readonly MessageParam[],
    onDisconnect: fields['onDisconnect'],
  };
}

/** Throws RequestError; `name` is where the id stands. */
export function parseChatId(value: unknown, name: string): string {
  if (isConversationId(value)) return value;
  throw new RequestError(400, `${name}: must be the id of a chat, ${idRule}`);
}

function messagesOf(value: unknown): readonly JsonObject[] {
  if (!Array.isArray(value) || value.length === 0)
    throw new RequestError(400, 'messages: must be a list of at least one message');
  for (const [index, message] of value.entries()) {
    if (!isJsonObject(message) || !Array.isArray(message['parts']))
      throw new RequestError(400, `messages[${index}]: must be a message with a role and a list of parts`);
  }
  return value;
}

function systemOf(value: unknown, fromMessages: string): unknown {
  if (fromMessages === '') return value === '' || value === null ? undefined : value;
  if (value == null || value === '') return fromMessages;
  if (typeof value === 'string') return `${value}\n\n${fromMessages}`;
  if (!Array.isArray(value)) throw new RequestError(400, 'system: must be a text, or a list of blocks');
  return [...value, { type: 'text', text: fromMessages }];
}

/** The client adds what comes to its last message when that is an answer, and to one that it names. */
function continuedId({ messageId }: JsonObject, messages: readonly JsonObject[]): string | undefined {
  const named = messages.find(({ id, role }) => id === messageId && role === 'assistant');
  const last = messages.at(-1);
  const { id } = named ?? (last?.['role'] === 'assistant' ? last : {});
  return typeof id === 'string' ? id : undefined;
}
