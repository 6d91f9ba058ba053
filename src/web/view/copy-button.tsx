// Copies a text and says so for a moment.

import { useSignal, useSignalEffect } from '@preact/signals';
import type { JSX } from 'preact';
import { copyText } from '../copy-text.ts';
import { strings } from '../strings.ts';
import { Icon } from './icon.tsx';

const shownMs = 1600;

interface Properties {
  readonly label: string;
  /** The text as it is when the button is pressed. */
  readonly text: () => string;
}

export function CopyButton({ label, text }: Properties): JSX.Element {
  const isCopied = useSignal(false);
  useSignalEffect(() => {
    if (!isCopied.value) return undefined;
    const timer = setTimeout(() => {
      isCopied.value = false;
    }, shownMs);
    return () => {
      clearTimeout(timer);
    };
  });
  const copy = async (): Promise<void> => {
    isCopied.value = await copyText(text());
  };
  return (
    <button
      type="button"
      class="quiet-button"
      aria-label={isCopied.value ? strings.copied : label}
      title={label}
      onClick={() => void copy()}
    >
      <Icon name={isCopied.value ? 'check' : 'copy'} />
    </button>
  );
}
