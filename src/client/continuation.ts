// The events of a further attempt as events of the one answer that a reader sees: message_start has been, blocks get
// the next free index, and text that goes on does so in the block where it broke off.

import type { ContentBlockDeltaEvent, ContentBlockStartEvent, StreamEvent } from '../protocol/index.ts';

/** Joins text to what was there: see {@link Seam}. */
export interface TextSeam {
  push(piece: string): string;
  end(): string;
}

export interface ContinuationStart {
  /** The index of the next new block. */
  readonly nextIndex: number;
  /** The block that was begun and not ended. */
  readonly open?: { readonly index: number; readonly type: string } | undefined;
  /** Joins the first text; without it the open block has nothing in it yet. */
  readonly seam?: TextSeam | undefined;
}

/** What a reader is told beside events: the last block is no more. */
export interface Rewind {
  readonly type: 'last_block_dropped';
}

export class Continuation {
  readonly #seam: TextSeam | undefined;
  /** Wire index to the reader's; undefined for a block that is not shown. */
  readonly #indexes = new Map<number, number | undefined>();
  /** The model that goes on, by its own word. */
  model: string | undefined;
  #nextIndex: number;
  #open: ContinuationStart['open'];
  #isAtBeginning = true;
  /** The wire index of the block that passes the seam. */
  #seamIndex: number | undefined;
  /** The start of a block whose text may turn out to be nothing but repetition. */
  #heldStart: StreamEvent | undefined;

  constructor({ nextIndex, open, seam }: ContinuationStart) {
    this.#nextIndex = nextIndex;
    this.#open = open;
    this.#seam = seam;
  }

  /** The events to show for the next one that came. */
  push(event: StreamEvent): (StreamEvent | Rewind)[] {
    switch (event.type) {
      case 'message_start':
        this.model = event.message.model;
        return [];
      case 'content_block_start':
        return this.#start(event);
      case 'content_block_delta':
        return this.#delta(event);
      case 'content_block_stop':
        return this.#stop(event.index);
      case 'message_delta':
      case 'message_stop':
        // A gateway may leave out the ends of blocks.
        return [...this.#stop(this.#seamIndex), ...this.#closeOpen(), event];
      default:
        return [event];
    }
  }

  #start(event: ContentBlockStartEvent): (StreamEvent | Rewind)[] {
    const { type } = event.content_block;
    if (!this.#isAtBeginning) return this.#startNew(event);
    if (this.#seam === undefined) return this.#startFirst(event);
    // Thinking about how to go on has no place in the middle of a text.
    if (type === 'thinking' || type === 'redacted_thinking') {
      this.#indexes.set(event.index, undefined);
      return [];
    }
    this.#isAtBeginning = false;
    if (type !== 'text') return this.#startNew(event);
    this.#seamIndex = event.index;
    // Text with citations is a block of its own: they would speak for the words before it as well.
    const isCited = (event.content_block as { citations?: unknown }).citations != null;
    if (this.#open === undefined || isCited) {
      const started = this.#startNew(event);
      this.#heldStart = started.pop() as StreamEvent;
      return started;
    }
    this.#indexes.set(event.index, this.#open.index);
    this.#open = undefined;
    return [];
  }

  /** Begins where nothing but the start of a block was seen: the same block, or another one in its place. */
  #startFirst(event: ContentBlockStartEvent): (StreamEvent | Rewind)[] {
    this.#isAtBeginning = false;
    const open = this.#open;
    if (open === undefined) return this.#startNew(event);
    this.#open = undefined;
    this.#nextIndex = open.index;
    const [started] = this.#startNew(event);
    if (open.type === event.content_block.type || started === undefined) return [];
    return [{ type: 'last_block_dropped' }, started];
  }

  #startNew(event: ContentBlockStartEvent): (StreamEvent | Rewind)[] {
    const index = this.#nextIndex;
    this.#nextIndex += 1;
    this.#indexes.set(event.index, index);
    return [...this.#closeOpen(), { ...event, index }];
  }

  #delta(event: ContentBlockDeltaEvent): StreamEvent[] {
    const index = this.#indexes.get(event.index);
    if (index === undefined) return [];
    const { delta } = event;
    if (event.index !== this.#seamIndex) return [{ ...event, index }];
    // A citation may come before the text, and needs its block.
    if (delta.type !== 'text_delta') return [...this.#takeHeldStart(), { ...event, index }];
    const text = this.#seam?.push((delta as { text: string }).text) ?? '';
    return this.#shown(index, text);
  }

  #shown(index: number, text: string): StreamEvent[] {
    if (text === '') return [];
    return [
      ...this.#takeHeldStart(),
      { type: 'content_block_delta', index, delta: { type: 'text_delta', text } },
    ];
  }

  #takeHeldStart(): StreamEvent[] {
    const start = this.#heldStart === undefined ? [] : [this.#heldStart];
    this.#heldStart = undefined;
    return start;
  }

  #stop(wireIndex: number | undefined): StreamEvent[] {
    const index = this.#indexes.get(wireIndex ?? -1);
    if (index === undefined) return [];
    const stop: StreamEvent = { type: 'content_block_stop', index };
    if (wireIndex !== this.#seamIndex) return [stop];
    this.#seamIndex = undefined;
    const rest = this.#shown(index, this.#seam?.end() ?? '');
    if (this.#heldStart === undefined) return [...rest, stop];
    // Nothing new in it: it does not appear.
    this.#heldStart = undefined;
    this.#nextIndex = index;
    return [];
  }

  #closeOpen(): StreamEvent[] {
    const open = this.#open;
    this.#open = undefined;
    return open === undefined ? [] : [{ type: 'content_block_stop', index: open.index }];
  }
}
