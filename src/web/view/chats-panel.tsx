// The conversations that the relay keeps: a panel over the page, to open, rename and delete them.

import type { JSX, RefObject } from 'preact';
import { useRef } from 'preact/hooks';
import { useSignal } from '@preact/signals';
import type { Chat } from '../chat/chat.ts';
import type { ConversationList } from '../chat/conversation-list.ts';
import { strings } from '../strings.ts';
import { ChatsItem } from './chats-item.tsx';
import { Icon } from './icon.tsx';

interface Properties {
  readonly chat: Chat;
  readonly list: ConversationList;
  readonly field: RefObject<HTMLTextAreaElement | null>;
}

/** The button, and the panel that it opens. The browser keeps the focus in it, and closes it at Escape. */
export function ChatsButton({ chat, list, field }: Properties): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const isOpen = useSignal(false);
  const open = (): void => {
    isOpen.value = true;
    dialog.current?.showModal();
    void list.load();
  };
  const close = (): void => dialog.current?.close();
  const show = async (id: string): Promise<void> => {
    const kept = id === chat.conversation.value ? undefined : await list.read(id);
    if (kept !== undefined) chat.show(kept);
    if (list.problem.value !== undefined) return;
    close();
    field.current?.focus();
  };
  return (
    <>
      <button
        type="button"
        class="quiet-button"
        aria-haspopup="dialog"
        aria-label={strings.chats.open}
        title={strings.chats.open}
        onClick={open}
      >
        <Icon name="chats" />
      </button>
      <dialog
        ref={dialog}
        class="chats"
        aria-label={strings.chats.title}
        onClose={() => {
          isOpen.value = false;
        }}
        onClick={(event) => {
          // Beside the panel is its backdrop.
          if (event.target === dialog.current) close();
        }}
      >
        {isOpen.value && (
          <div class="chats-frame">
            <header class="chats-header">
              <h2>{strings.chats.title}</h2>
              <button type="button" class="quiet-button" aria-label={strings.chats.close} onClick={close}>
                <Icon name="close" />
              </button>
            </header>
            <Items chat={chat} list={list} onShow={(id) => void show(id)} />
            <Account chat={chat} list={list} />
          </div>
        )}
      </dialog>
    </>
  );
}

interface ItemsProperties extends Omit<Properties, 'field'> {
  readonly onShow: (id: string) => void;
}

function Items({ chat, list, onShow }: ItemsProperties): JSX.Element {
  const said = useSignal('');
  const place = useRef<HTMLDivElement>(null);
  const { value: items } = list.items;
  const { value: problem } = list.problem;
  const remove = async (id: string): Promise<void> => {
    if (!(await list.remove(id))) return;
    if (id === chat.conversation.value) chat.startNew();
    said.value = strings.chats.deleted;
    // What had the focus is gone.
    place.current?.focus();
  };
  const rename = async (id: string, title: string): Promise<void> => {
    if (await list.rename(id, title)) said.value = strings.chats.renamed;
  };
  return (
    <div ref={place} class="chats-body" tabIndex={-1}>
      {problem !== undefined && (
        <p class="chats-problem" role="alert">
          {strings.problems[problem.code]}
        </p>
      )}
      {items === undefined && problem === undefined && <p class="chats-note">{strings.chats.loading}</p>}
      {items?.length === 0 && <p class="chats-note">{strings.chats.none}</p>}
      <ul class="chats-list" aria-label={strings.chats.list}>
        {items?.map((item) => (
          <ChatsItem
            key={item.id}
            item={item}
            isShown={item.id === chat.conversation.value}
            onShow={() => onShow(item.id)}
            onRename={(title) => rename(item.id, title)}
            onDelete={() => remove(item.id)}
          />
        ))}
      </ul>
      {list.hasMore.value && (
        <button type="button" class="button" onClick={() => void list.loadMore()}>
          {strings.chats.more}
        </button>
      )}
      <p class="unseen" role="status">
        {said.value}
      </p>
    </div>
  );
}

/** Nothing where nobody signs in. */
function Account({ chat, list }: Omit<Properties, 'field'>): JSX.Element | null {
  const owner = chat.info.value?.owner;
  if (owner === undefined) return null;
  const signOut = async (): Promise<void> => {
    const problem = await chat.signOut();
    if (problem === undefined) list.forget();
    else list.problem.value = problem;
  };
  return (
    <footer class="chats-account">
      <span>{strings.signIn.outOf(owner)}</span>
      <button type="button" class="button" onClick={() => void signOut()}>
        {strings.signIn.out}
      </button>
    </footer>
  );
}
