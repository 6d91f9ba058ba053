// The page: its header, the conversation, and the place to write.

import type { ReadonlySignal } from '@preact/signals';
import { useSignal } from '@preact/signals';
import type { JSX, RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Chat } from '../chat/chat.ts';
import type { Frames } from '../frames.ts';
import { StickToBottom } from '../stick-to-bottom.ts';
import { strings } from '../strings.ts';
import { Announcer } from './announcer.tsx';
import type { ConversationList } from '../chat/conversation-list.ts';
import { ChatsButton } from './chats-panel.tsx';
import { Composer } from './composer.tsx';
import { EmptyChat } from './empty-chat.tsx';
import { Icon } from './icon.tsx';
import { MessageList } from './message-list.tsx';
import { SignIn } from './sign-in.tsx';

interface Properties {
  readonly chat: Chat;
  readonly list: ConversationList;
  readonly frames: Frames;
}

export function App({ chat, list, frames }: Properties): JSX.Element {
  return chat.isSignedOut.value ? (
    <SignIn chat={chat} />
  ) : (
    <ChatPage chat={chat} list={list} frames={frames} />
  );
}

function ChatPage({ chat, list, frames }: Properties): JSX.Element {
  const scroller = useRef<HTMLElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const stick = useSignal<StickToBottom | undefined>(undefined);
  useEffect(() => {
    if (scroller.current === null || content.current === null) return undefined;
    const created = new StickToBottom(scroller.current, content.current);
    stick.value = created;
    return () => {
      created.dispose();
    };
  }, [stick]);
  useEscape(chat);
  const isEmpty = chat.turns.value.length === 0;
  const toEnd = (): void => stick.value?.stick();
  return (
    <div class={isEmpty ? 'app empty' : 'app'}>
      <Header chat={chat} list={list} field={field} />
      <Banner chat={chat} />
      <main ref={scroller} class="scroller" tabIndex={-1}>
        {isEmpty && <EmptyChat chat={chat} />}
        <MessageList chat={chat} frames={frames} content={content} />
      </main>
      <footer class="dock">
        {stick.value !== undefined && <ToBottom isStuck={stick.value.isStuck} onClick={toEnd} />}
        <Composer chat={chat} field={field} onSend={toEnd} />
      </footer>
      <Announcer chat={chat} />
    </div>
  );
}

function useEscape(chat: Chat): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape' || event.isComposing || !chat.isBusy.value) return;
      // It closes what is over the page.
      if (document.querySelector('dialog[open]') !== null) return;
      event.preventDefault();
      chat.stop();
    };
    document.addEventListener('keydown', onKey);
    return () => {
      document.removeEventListener('keydown', onKey);
    };
  }, [chat]);
}

interface HeaderProperties extends Omit<Properties, 'frames'> {
  readonly field: RefObject<HTMLTextAreaElement | null>;
}

function Header({ chat, list, field }: HeaderProperties): JSX.Element {
  return (
    <header class="header">
      <h1 class="wordmark">{strings.product}</h1>
      {chat.info.value !== undefined && <p class="model">{chat.info.value.model}</p>}
      <ChatsButton chat={chat} list={list} field={field} />
      <button
        type="button"
        class="button new-chat"
        disabled={chat.turns.value.length === 0}
        onClick={() => {
          chat.startNew();
          field.current?.focus();
        }}
      >
        <Icon name="plus" />
        {strings.newChat}
      </button>
    </header>
  );
}

function Banner({ chat }: { readonly chat: Chat }): JSX.Element | null {
  if (chat.isRelayMissing.value) return <p class="banner alarming">{strings.relayUnreachable}</p>;
  if (chat.info.value?.simulated !== true) return null;
  const { title, before, variable, after } = strings.simulated;
  return (
    <p class="banner" role="note">
      <strong>{title}</strong> {before}
      <code>{variable}</code>
      {after}
    </p>
  );
}

function ToBottom({
  isStuck,
  onClick,
}: {
  isStuck: ReadonlySignal<boolean>;
  onClick: () => void;
}): JSX.Element {
  return (
    <button
      type="button"
      class="to-bottom"
      hidden={isStuck.value}
      aria-label={strings.toBottom}
      title={strings.toBottom}
      onClick={onClick}
    >
      <Icon name="arrowDown" />
    </button>
  );
}
