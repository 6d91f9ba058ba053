// A conversation of many turns: its history, kept such that the next request with it is taken.

import { ApiError } from '../../protocol/index.ts';
import type { DeepReadonly, Usage } from '../../protocol/index.ts';
import { errorOfStopReason } from '../answer-error.ts';
import { keepContent } from '../keep-content.ts';
import type { ContentParam, MessageParam, MessageParams, RequestOptions } from '../message-params.ts';
import type { MessageStream } from '../message-stream.ts';
import type { MessagesClient } from '../messages-client.ts';
import type { ToolRun } from '../tools/tool-run.ts';
import { totalUsage } from '../usage-record.ts';
import { answerCalls } from './answer-calls.ts';
import { ConversationError } from './conversation-error.ts';
import { isAsked, toMessages } from './conversation-turn.ts';
import type { AnswerRecord, ConversationTurn } from './conversation-turn.ts';
import { conversationVersion, parseConversation } from './parse-conversation.ts';
import type { ConversationJson, ConversationParams } from './parse-conversation.ts';
import { misuse } from '../misuse.ts';

/** What a run of tools has that the conversation needs. */
type RunOfTools = Pick<
  ToolRun,
  'messages' | 'partial' | 'ending' | 'currentMessage' | 'usage' | 'attempts' | 'done'
>;

/** What an answer may come as: a stream, a run of tools, or an object with its stream. */
export type AnswerSource = MessageStream | RunOfTools | { readonly stream: MessageStream };

type Content = string | readonly ContentParam[];

/** An answer that is under way. */
interface Pending {
  readonly asked: ConversationTurn;
  /** How many messages its request had. */
  readonly sent: number;
  readonly source: MessageStream | RunOfTools;
}

interface ConversationState extends Pick<ConversationJson, 'params' | 'turns' | 'usage'> {
  readonly client: MessagesClient;
}

/**
 * The turns of a conversation, and the next one.
 *
 * 1. Blocks go back as they came: signatures of thinking byte for byte, results in the order of their calls.
 * 2. An answer that was stopped or broke off stays as far as it can be sent: text; calls, answered with an error.
 *    A refused turn, and one that the API rejects, stays to be read and is not sent again.
 * 3. One answer at a time: to ask while another is under way throws ConversationError `answer_under_way`. After
 *    `abort()` of a stream the next question may follow at once; of a run of tools, after `settled()`.
 */
export class Conversation {
  readonly params: ConversationParams;
  readonly #client: MessagesClient;
  /** Without the answer under way and its question. */
  #turns: readonly ConversationTurn[];
  #usage: DeepReadonly<Usage> | undefined;
  #pending: Pending | undefined;

  constructor({ client, params, turns, usage }: ConversationState) {
    this.#client = client;
    this.params = params;
    this.#turns = turns;
    this.#usage = usage;
  }

  /** All that was said; of an answer under way only the question. */
  get turns(): readonly ConversationTurn[] {
    this.#settle();
    return this.#pending === undefined ? this.#turns : [...this.#turns, this.#pending.asked];
  }

  /** What the next request sends before its own question. */
  get messages(): readonly MessageParam[] {
    return toMessages(this.turns);
  }

  /** What all answers took together, the one under way included. Loading keeps it, a fork begins with none. */
  get usage(): DeepReadonly<Usage> | undefined {
    this.#settle();
    return totalUsage([{ usage: this.#usage }, { usage: this.#pending?.source.usage }]);
  }

  /** Asks, and streams the answer. Throws ConversationError when another is under way, a TypeError for nothing. */
  send(content: Content, options: RequestOptions = {}): MessageStream {
    return this.sendWith(content, (params) => this.#client.messages.stream(params, options));
  }

  /**
   * Asks by another way than a plain stream.
   *
   * @example
   * const run = chat.sendWith('How is the weather?', (params) => runTools(client, { ...params, tools: [weather] }));
   */
  sendWith<Source extends AnswerSource>(content: Content, start: (params: MessageParams) => Source): Source {
    this.#demandIdle();
    if (content.length === 0 || (typeof content === 'string' && content.trim() === '')) {
      throw misuse(new TypeError('Cannot send a message with nothing in it'));
    }
    const before = toMessages(this.#turns);
    const asked: ConversationTurn = { role: 'user', content: answerCalls(before, content) };
    const messages = [...before, { role: asked.role, content: asked.content }];
    const started = start({ ...this.params, messages });
    const source: Pending['source'] = 'done' in started ? started : started.stream;
    this.#pending = { asked, sent: messages.length, source };
    return started;
  }

  /** Takes back what a person said last, and all that came of it, and asks again. Throws as `send` does. */
  retry(options: RequestOptions = {}): MessageStream {
    const turns = this.turns;
    try {
      return this.send(this.undo() ?? '', options);
    } catch (error) {
      this.#turns = this.#pending === undefined ? turns : this.#turns;
      throw error;
    }
  }

  /** Takes back what a person said last, and all that came of it, and returns it; undefined when nobody has said
   * anything. Throws ConversationError while an answer is under way. */
  undo(): Content | undefined {
    this.#demandIdle();
    const last = this.#turns.findLastIndex(isAsked);
    if (last < 0) return undefined;
    const content = this.#turns[last]?.content;
    this.#turns = this.#turns.slice(0, last);
    return content;
  }

  /** Another conversation that goes on from the first `count` turns of this one, perhaps with other parameters; unless
   * said otherwise from all but the question of an answer under way. Neither knows of the other. Throws a RangeError
   * for a count out of range. */
  fork(count?: number, params: Partial<ConversationParams> = {}): Conversation {
    const all = this.turns;
    const kept = count ?? this.#turns.length;
    if (!Number.isInteger(kept) || kept < 0 || kept > all.length) {
      throw misuse(new RangeError(`Cannot fork after ${kept} turns: there are ${all.length}`));
    }
    const turns = all.slice(0, kept);
    const merged = { ...this.params, ...params } as ConversationParams;
    return new Conversation({ client: this.#client, params: merged, turns, usage: undefined });
  }

  /** Resolves when no answer is under way, however it ended. */
  async settled(): Promise<void> {
    await this.#pending?.source.done().catch(() => undefined);
  }

  /** What {@link loadConversation} takes. Of an answer under way it has the question alone. */
  toJSON(): ConversationJson {
    const { params, turns, usage } = this;
    return { version: conversationVersion, params, turns, ...(usage === undefined ? {} : { usage }) };
  }

  #demandIdle(): void {
    this.#settle();
    if (this.#pending === undefined) return;
    throw new ConversationError(
      'answer_under_way',
      'Cannot go on with the conversation: an answer is under way. Abort it, or wait for settled()',
    );
  }

  /** Takes over what the answer has come to, if it has ended. The history is right whenever it is looked at, and
   * nobody has to listen for the end. */
  #settle(): void {
    const pending = this.#pending;
    if (pending === undefined) return;
    const { source, asked } = pending;
    const isStopped = 'aborted' in source && 'inputOf' in source && source.aborted;
    if (source.ending === undefined && !isStopped) return;
    this.#pending = undefined;
    this.#usage = totalUsage([{ usage: this.#usage }, { usage: source.usage }]);
    this.#turns = [...this.#turns, ...toTurns(pending, [asked, ...answerTurns(pending)])];
  }
}

/** What the answer adds to the history. */
function answerTurns({ source, sent }: Pending): ConversationTurn[] {
  if ('partial' in source) {
    const { messages, partial } = source;
    return [...messages.slice(sent), ...asTurn(partial)];
  }
  const { ending, currentMessage: message } = source;
  const isWhole = ending?.type === 'complete' && errorOfStopReason(ending.message) === undefined;
  return asTurn(keepContent({ message, isWhole, inputOf: source.inputOf.bind(source) }));
}

function asTurn(content: readonly ContentParam[]): ConversationTurn[] {
  return content.length > 0 ? [{ role: 'assistant', content }] : [];
}

/** Marks the turns with how the answer ended. */
function toTurns({ source }: Pending, turns: readonly ConversationTurn[]): ConversationTurn[] {
  const leftOut = leftOutBecause(source, turns.length > 1);
  const answer = recordOf(source);
  return turns.map((turn, index) => ({
    ...turn,
    ...(index === turns.length - 1 ? { answer } : {}),
    ...(leftOut === undefined ? {} : { leftOut }),
  }));
}

function recordOf({ ending, currentMessage, usage, attempts }: Pending['source']): AnswerRecord {
  const { type = 'aborted', error } = (ending ?? {}) as { type?: AnswerRecord['ending']; error?: unknown };
  const { code } = Object(error) as { code?: unknown };
  return {
    ending: type,
    code: typeof code === 'string' ? code : undefined,
    stop_reason: currentMessage?.stop_reason,
    model: currentMessage?.model,
    request_id: attempts.at(-1)?.request_id,
    usage,
  };
}

/** What the API says no to for what is in it: it would say so again. */
const rejections: ReadonlySet<number | undefined> = new Set([400, 413, 422]);

function leftOutBecause(
  { ending, currentMessage }: Pending['source'],
  isAnswered: boolean,
): ConversationTurn['leftOut'] {
  if (ending?.type !== 'aborted' && currentMessage?.stop_reason === 'refusal') return 'refusal';
  const error = ending?.type === 'failed' ? ending.error : undefined;
  return !isAnswered && error instanceof ApiError && rejections.has(error.status) ? 'rejected' : undefined;
}

/**
 * Begins a conversation: `params` are those of every request, `messages` what was said before.
 *
 * @example
 * const chat = conversation(client, { model: 'claude-sonnet-5', max_tokens: 1024, system: 'Be brief.' });
 * for await (const text of chat.send('What is a mill race?').textStream) process.stdout.write(text);
 * for await (const text of chat.send('And a tail race?').textStream) process.stdout.write(text);
 */
export function conversation(
  client: MessagesClient,
  { messages = [], ...params }: ConversationParams & { messages?: readonly MessageParam[] },
): Conversation {
  return new Conversation({
    client,
    params,
    turns: messages,
    usage: undefined,
  });
}

/** Goes on with a conversation that was saved by `JSON.stringify(conversation)`, from its parsed JSON; `params` are
 * put over those saved. Throws a ConversationError that says what is wrong, and where. */
export function loadConversation(
  client: MessagesClient,
  json: unknown,
  params: Partial<ConversationParams> = {},
): Conversation {
  const saved = parseConversation(json);
  return new Conversation({
    client,
    params: { ...saved.params, ...params },
    turns: saved.turns,
    usage: saved.usage,
  });
}
