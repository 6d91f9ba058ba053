// The AI SDK's own readers of a UI message stream, of both versions.

import * as ai7 from 'ai';
import type { AbstractChat, ChatInit, ChatState, UIMessage, UIMessageChunk } from 'ai';
import * as ai6 from 'ai6';

/** Both have the same shape here; their types differ in what this project does not touch. */
export type AiLibrary = typeof ai7;

export const libraries: Readonly<Record<6 | 7, AiLibrary>> = { 6: ai6 as unknown as AiLibrary, 7: ai7 };

export interface ReadMessage {
  readonly chunks: readonly UIMessageChunk[];
  /** As the client has it at the end; undefined where nothing came. */
  readonly message: UIMessage | undefined;
  /** What the client threw: an `error` part, or a part that it does not understand. */
  readonly errors: readonly unknown[];
}

/** What a client makes of the body of a response. */
export async function readUiText(text: string, library: AiLibrary): Promise<ReadMessage> {
  const transport = new library.DefaultChatTransport<UIMessage>({ fetch: async () => new Response(text) });
  const stream = await transport.sendMessages({
    chatId: 'c',
    messages: [],
    trigger: 'submit-message',
    messageId: undefined,
    abortSignal: undefined,
  });
  const chunks: UIMessageChunk[] = [];
  const errors: unknown[] = [];
  const seen = new TransformStream<UIMessageChunk, UIMessageChunk>({
    transform: (chunk, controller) => {
      chunks.push(chunk);
      controller.enqueue(chunk);
    },
  });
  const onError = (error: unknown): unknown => errors.push(error);
  let message: UIMessage | undefined;
  for await (const snapshot of library.readUIMessageStream<UIMessage>({
    stream: stream.pipeThrough(seen),
    onError,
  })) {
    message = snapshot;
  }
  return { chunks, message, errors };
}

/** What a page does with a chat, without the page: the state that `useChat` keeps in React is plain fields here. */
export function createChat(
  library: AiLibrary,
  init: ChatInit<UIMessage>,
): AbstractChat<UIMessage> & { readonly ends: readonly ChatEnd[] } {
  const ends: ChatEnd[] = [];
  const state: ChatState<UIMessage> = {
    status: 'ready',
    error: undefined,
    messages: init.messages ?? [],
    pushMessage: (message) => {
      state.messages = [...state.messages, message];
    },
    popMessage: () => {
      state.messages = state.messages.slice(0, -1);
    },
    replaceMessage: (index, message) => {
      state.messages = state.messages.with(index, structuredClone(message));
    },
    snapshot: (thing) => structuredClone(thing),
  };
  const Chat = class extends library.AbstractChat<UIMessage> {
    readonly ends: readonly ChatEnd[] = ends;
  };
  return new Chat({ ...init, onFinish: (end) => ends.push(end), state });
}

export type ChatEnd = Parameters<NonNullable<ChatInit<UIMessage>['onFinish']>>[0];

/** The text of all text parts. */
export function textOfParts(message: UIMessage | undefined): string {
  return (message?.parts ?? []).map((part) => (part.type === 'text' ? part.text : '')).join('');
}

export const typesOf = (message: UIMessage | undefined): string[] =>
  (message?.parts ?? []).map(({ type }) => type);

export const metadataOf = (message: UIMessage | undefined): Record<string, unknown> =>
  (message?.metadata ?? {}) as Record<string, unknown>;
