// One conversation in the list: its title opens it; it is renamed and deleted in its place.

import { useSignal } from '@preact/signals';
import type { Signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { ConversationItem } from '../relay-api.ts';
import { strings } from '../strings.ts';
import { Icon } from './icon.tsx';

interface Properties {
  readonly item: ConversationItem;
  /** It is the one on the page. */
  readonly isShown: boolean;
  readonly onShow: () => void;
  readonly onRename: (title: string) => Promise<void>;
  readonly onDelete: () => Promise<void>;
}

/** What the item is just now. */
type Mode = 'plain' | 'renaming' | 'deleting';

export function ChatsItem(properties: Properties): JSX.Element {
  const mode = useSignal<Mode>('plain');
  const before = useRef<Mode>('plain');
  const { value: shown } = mode;
  const View = views[shown];
  useLayoutEffect(() => {
    before.current = shown;
  }, [shown]);
  return (
    <li class="chats-item">
      <View {...properties} mode={mode} before={before.current} />
    </li>
  );
}

interface InMode extends Properties {
  readonly mode: Signal<Mode>;
  /** What it was before: the focus comes back to where it left. */
  readonly before: Mode;
}

function Plain({ item, isShown, onShow, mode, before }: InMode): JSX.Element {
  const { title } = item;
  return (
    <>
      <button type="button" class="chats-open" aria-current={isShown ? 'true' : undefined} onClick={onShow}>
        <span class="chats-title">{title}</span>
        <time class="chats-time" dateTime={new Date(item.updatedAt).toISOString()}>
          {time.format(item.updatedAt)}
        </time>
      </button>
      <ModeButton
        icon="pen"
        label={strings.chats.rename(title)}
        isBack={before === 'renaming'}
        onClick={() => (mode.value = 'renaming')}
      />
      <ModeButton
        icon="trash"
        label={strings.chats.delete(title)}
        isBack={before === 'deleting'}
        onClick={() => (mode.value = 'deleting')}
      />
    </>
  );
}

const time = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });

interface ModeButtonProperties {
  readonly icon: 'pen' | 'trash';
  readonly label: string;
  /** What it had led to is over. */
  readonly isBack: boolean;
  readonly onClick: () => void;
}

function ModeButton({ icon, label, isBack, onClick }: ModeButtonProperties): JSX.Element {
  const button = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => {
    if (isBack) button.current?.focus();
  }, [isBack]);
  return (
    <button
      ref={button}
      type="button"
      class="quiet-button"
      aria-label={label}
      title={label}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}

function Renaming({ item, onRename, mode }: InMode): JSX.Element {
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    field.current?.focus();
    field.current?.select();
  }, []);
  const leave = (): void => {
    mode.value = 'plain';
  };
  const save = async (): Promise<void> => {
    const title = field.current?.value.trim() ?? '';
    if (title !== '' && title !== item.title) await onRename(title);
    leave();
  };
  return (
    <form
      class="chats-change"
      onSubmit={(event) => {
        event.preventDefault();
        void save();
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        // The panel stays open.
        event.preventDefault();
        leave();
      }}
    >
      <input ref={field} class="field" aria-label={strings.chats.newTitle} defaultValue={item.title} />
      <button type="submit" class="button">
        {strings.chats.save}
      </button>
      <button type="button" class="button" onClick={leave}>
        {strings.chats.cancel}
      </button>
    </form>
  );
}

function Deleting({ item, onDelete, mode }: InMode): JSX.Element {
  const keep = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => keep.current?.focus(), []);
  return (
    <div class="chats-change" role="group" aria-label={strings.chats.deleteAsked(item.title)}>
      <p class="chats-asked">{strings.chats.deleteAsked(item.title)}</p>
      <button
        type="button"
        class="button danger"
        onClick={() => {
          void onDelete().then(() => (mode.value = 'plain'));
        }}
      >
        {strings.chats.deleteSurely}
      </button>
      <button
        ref={keep}
        type="button"
        class="button"
        onClick={() => {
          mode.value = 'plain';
        }}
      >
        {strings.chats.keep}
      </button>
    </div>
  );
}

const views = { plain: Plain, renaming: Renaming, deleting: Deleting } satisfies Record<
  Mode,
  (properties: InMode) => JSX.Element
>;
