// A block of text: the one place where Preact hands over to MarkdownBody, and never looks inside again.

import type { JSX } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { effect } from '@preact/signals';
import type { AnswerBlock } from '../chat/answer-block.ts';
import { copyText } from '../copy-text.ts';
import type { Frames } from '../frames.ts';
import { MarkdownBody } from '../markdown/markdown-body.ts';
import { codeText } from '../markdown/render-code.ts';
import { StreamedText } from '../streamed-text.ts';
import { strings } from '../strings.ts';

interface Properties {
  readonly view: AnswerBlock;
  readonly frames: Frames;
}

const copiedMs = 1600;

export function TextBlock({ view, frames }: Properties): JSX.Element {
  const root = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (root.current === null) return undefined;
    const wasOpen = view.isOpen.peek();
    const isSmooth = (): boolean => wasOpen && !matchMedia('(prefers-reduced-motion: reduce)').matches;
    const text = new StreamedText(new MarkdownBody(root.current), { frames, isSmooth });
    const unfollow = effect(() => {
      void view.revision.value;
      if ('text' in view.block) text.show(view.block.text as string);
      if (!view.isOpen.value) text.end();
    });
    return () => {
      unfollow();
      text.dispose();
    };
  }, [view, frames]);
  return (
    <div
      ref={root}
      class={view.isOpen.value ? 'prose live' : 'prose'}
      onClick={(event) => void copyCode(event.target)}
    />
  );
}

/** What the copy button of a code block does; the buttons are MarkdownBody's, and have no listeners. */
async function copyCode(target: EventTarget | null): Promise<void> {
  const button = target instanceof Element ? target.closest('button.code-copy') : null;
  const block = button?.closest('.code');
  if (button == null || block == null || !(await copyText(codeText(block)))) return;
  button.textContent = strings.copied;
  setTimeout(() => {
    button.textContent = strings.code.copy;
  }, copiedMs);
}
