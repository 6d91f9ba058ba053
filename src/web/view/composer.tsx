// Where messages are written. While an answer comes, its button stops it.

import { useSignal } from '@preact/signals';
import type { JSX, RefObject } from 'preact';
import type { Chat } from '../chat/chat.ts';
import { strings } from '../strings.ts';
import { Icon } from './icon.tsx';

interface Properties {
  readonly chat: Chat;
  readonly field: RefObject<HTMLTextAreaElement | null>;
  readonly onSend: () => void;
}

export function Composer({ chat, field, onSend }: Properties): JSX.Element {
  const draft = useSignal('');
  const isBusy = chat.isBusy.value;
  const send = (): void => {
    if (isBusy || draft.value.trim() === '') return;
    chat.send(draft.value);
    draft.value = '';
    onSend();
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <label class="unseen" for="message">
        {strings.composer.label}
      </label>
      <textarea
        ref={field}
        id="message"
        class="composer-field"
        rows={1}
        placeholder={strings.composer.placeholder}
        enterkeyhint="send"
        aria-describedby="composer-hint"
        value={draft.value}
        onInput={(event) => {
          draft.value = event.currentTarget.value;
        }}
        onKeyDown={(event) => {
          if (!isSendKey(event)) return;
          event.preventDefault();
          send();
        }}
      />
      {isBusy ? (
        <StopButton chat={chat} field={field} />
      ) : (
        <button
          type="submit"
          class="composer-button"
          aria-label={strings.composer.send}
          disabled={draft.value.trim() === ''}
        >
          <Icon name="arrowUp" />
        </button>
      )}
      <p id="composer-hint" class="composer-hint">
        {isBusy ? strings.composer.hintStop : strings.composer.hint}
      </p>
    </form>
  );
}

function StopButton({
  chat,
  field,
}: {
  chat: Chat;
  field: RefObject<HTMLTextAreaElement | null>;
}): JSX.Element {
  const isStopping = chat.latest.value?.isStopping.value === true;
  const label = isStopping ? strings.composer.stopping : strings.composer.stop;
  return (
    <button
      type="button"
      class={isStopping ? 'composer-button stop stopping' : 'composer-button stop'}
      aria-label={label}
      title={label}
      aria-disabled={isStopping}
      onClick={() => {
        chat.stop();
        // The button is gone in a moment, and the focus must not go with it.
        field.current?.focus();
      }}
    >
      <span class="stop-sign" aria-hidden="true" />
    </button>
  );
}

/** Enter alone; not the one that ends the input of a character in Chinese, Japanese or Korean. */
function isSendKey({ key, shiftKey, ctrlKey, altKey, metaKey, isComposing }: KeyboardEvent): boolean {
  return key === 'Enter' && !shiftKey && !ctrlKey && !altKey && !metaKey && !isComposing;
}
