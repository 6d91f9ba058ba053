// The listeners of a MessageStream by the official names, and which of them each event is told to.

import type {
  DeepReadonly,
  KnownContentBlock,
  Message,
  PartialJson,
  TextCitation,
} from '../protocol/index.ts';
import type { ClientEvent, RecoverEvent } from './answer.ts';
import type { RetryEvent } from './answer-attempts.ts';
import type { AnswerSource } from './answer-source.ts';
import type { Listeners } from './listeners.ts';

/** The listeners, and what each is called with. Snapshots are live, read-only views. A promise that a listener gives
 * back is not waited for; its failure is reported. */
export interface MessageStreamListeners {
  connect: () => unknown;
  streamEvent: (event: ClientEvent, snapshot: DeepReadonly<Message>) => unknown;
  ping: () => unknown;
  /** Another attempt is about to be made. */
  retry: (event: RetryEvent) => unknown;
  /** The answer broke off and is gone on with; blocks from `from_index` on are no more. */
  recover: (event: RecoverEvent) => unknown;
  text: (delta: string, snapshot: string) => unknown;
  thinking: (delta: string, snapshot: string) => unknown;
  /** `input` has the raw text, whether it is complete, and what is wrong with it. */
  inputJson: (delta: string, snapshot: unknown, input: PartialJson | undefined) => unknown;
  citation: (citation: TextCitation, snapshot: readonly DeepReadonly<TextCitation>[]) => unknown;
  signature: (signature: string) => unknown;
  contentBlock: (block: DeepReadonly<Message>['content'][number]) => unknown;
  message: (message: DeepReadonly<Message>) => unknown;
  finalMessage: (message: DeepReadonly<Message>) => unknown;
  error: (error: unknown) => unknown;
  abort: (reason: unknown) => unknown;
  end: () => unknown;
  /** A listener of this name threw, or the promise that it gave back was rejected. Without a listener here that goes
   * to the client's logger, and without one to the console. */
  listenerError: (error: unknown, name: string) => unknown;
}

/** Tells an event that was just accumulated. */
export function announce(
  event: ClientEvent,
  answer: AnswerSource,
  listeners: Listeners<MessageStreamListeners>,
): void {
  const { message } = answer;
  if (event.type === 'ping') listeners.emit('ping');
  if (isRecover(event)) listeners.emit('recover', event);
  if (message === undefined) return;
  listeners.emit('streamEvent', event, message);
  if (event.type === 'content_block_delta') announceDelta(event, answer, listeners);
  if (event.type === 'content_block_stop') {
    const block = answer.blockAt(event.index);
    if (block !== undefined) listeners.emit('contentBlock', block);
  }
  if (event.type === 'message_stop') listeners.settle('message', message);
}

function announceDelta(
  { index, delta }: Extract<ClientEvent, { type: 'content_block_delta' }>,
  answer: AnswerSource,
  listeners: Listeners<MessageStreamListeners>,
): void {
  const block = answer.blockAt(index) as DeepReadonly<KnownContentBlock> | undefined;
  if (block === undefined) return;
  if (delta.type === 'text_delta' && block.type === 'text') listeners.emit('text', delta.text, block.text);
  if (delta.type === 'thinking_delta' && block.type === 'thinking') {
    listeners.emit('thinking', delta.thinking, block.thinking);
  }
  if (delta.type === 'signature_delta') listeners.emit('signature', delta.signature);
  if (delta.type === 'input_json_delta' && 'input' in block) {
    listeners.emit('inputJson', delta.partial_json, block.input, answer.inputOf(block));
  }
  if (delta.type === 'citations_delta' && block.type === 'text') {
    listeners.emit('citation', delta.citation, block.citations ?? []);
  }
}

export function isRecover(event: ClientEvent): event is RecoverEvent {
  return event.type === 'recover';
}
