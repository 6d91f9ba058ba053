// One content block of an answer, as the page shows it while it grows.

import { signal } from '@preact/signals';
import type { Signal } from '@preact/signals';
import type { ContentBlock, DeepReadonly, PartialJson } from '../../protocol/index.ts';

export class AnswerBlock {
  readonly key: number;
  /** Live: it grows in place. `revision` says when to look again. */
  readonly block: DeepReadonly<ContentBlock>;
  readonly revision: Signal<number> = signal(0);
  readonly isOpen: Signal<boolean>;
  /** How long it took; undefined when that was not seen from beginning to end. */
  durationMs: number | undefined;
  /** The text of a tool's input so far. */
  input: PartialJson | undefined;

  constructor(key: number, block: DeepReadonly<ContentBlock>, isOpen: boolean) {
    this.key = key;
    this.block = block;
    this.isOpen = signal(isOpen);
  }
}
