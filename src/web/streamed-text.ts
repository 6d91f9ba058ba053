// Text that arrives in bursts, shown at an even pace: each frame shows a part of what is waiting, at least a few
// characters, so that a backlog of any size is gone within a dozen frames.

import type { Frames } from './frames.ts';
import type { Cancel } from './stream/follow-environment.ts';

/** What the text is shown in. MarkdownBody is one. */
export interface TextBody {
  push(text: string): void;
  draw(): void;
  finish(): void;
}

export interface StreamedTextOptions {
  readonly frames: Frames;
  /** False shows everything as it comes: for those who asked for less motion. */
  readonly isSmooth: () => boolean;
}

const leastStep = 3;
const backlogShare = 4;
/** As much as a frame may show of a long text that is there at once: drawing it must stay one short task. */
const mostStep = 16_384;
/** From the end of the text until pace does not matter any more. */
const flushMs = 250;
/** Drawing takes at most this share of the time, whatever the text does to the parser. */
const idlePerWork = 3;
const mostIdleMs = 250;

/**
 * Shows a growing text in a body.
 *
 * 1. It draws at most once a frame, and less often when drawing is slow.
 * 2. `flushMs` after `end` all of the text is shown and the body is finished; a text of more than 16,384 characters
 *    that comes at once takes a frame for each as many.
 * 3. A character is never shown by half.
 */
export class StreamedText {
  readonly #body: TextBody;
  readonly #options: StreamedTextOptions;
  #text = '';
  /** How much of the text the body has. */
  #shown = 0;
  /** Drawing waits until then. */
  #restUntil = 0;
  #endedAt: number | undefined;
  #isFinished = false;
  #cancelFrame: Cancel | undefined;

  constructor(body: TextBody, options: StreamedTextOptions) {
    this.#body = body;
    this.#options = options;
  }

  /** Takes the text as it is by now: what it was before, and more. */
  show(text: string): void {
    if (text.length === this.#text.length) return;
    this.#text = text;
    this.#requestFrame();
  }

  /** Says that the text will not grow any more. */
  end(): void {
    if (this.#endedAt !== undefined) return;
    this.#endedAt = this.#options.frames.now();
    this.#requestFrame();
  }

  dispose(): void {
    this.#cancelFrame?.();
    this.#isFinished = true;
  }

  #requestFrame(): void {
    if (this.#isFinished || this.#cancelFrame !== undefined) return;
    this.#cancelFrame = this.#options.frames.request(() => {
      this.#cancelFrame = undefined;
      this.#frame();
    });
  }

  #frame(): void {
    const { frames } = this.#options;
    const startedAt = frames.now();
    const isDue = this.#endedAt !== undefined && startedAt >= this.#endedAt + flushMs;
    if (isDue || startedAt >= this.#restUntil) {
      this.#advance(isDue);
      const workMs = frames.now() - startedAt;
      this.#restUntil = frames.now() + Math.min(mostIdleMs, workMs * idlePerWork);
    }
    const isWaiting = this.#shown < this.#text.length || this.#endedAt !== undefined;
    if (isWaiting && !this.#isFinished) this.#requestFrame();
  }

  #advance(isDue: boolean): void {
    const backlog = this.#text.length - this.#shown;
    const step = this.#step(backlog, isDue || !this.#options.isSmooth());
    if (step > 0) {
      const isLast = isDue && step === backlog;
      const end = isLast ? this.#text.length : wholeCharacters(this.#text, this.#shown + step);
      this.#body.push(this.#text.slice(this.#shown, end));
      this.#shown = end;
    }
    if (this.#endedAt !== undefined && this.#shown >= this.#text.length) {
      this.#isFinished = true;
      this.#body.finish();
    } else if (step > 0) {
      this.#body.draw();
    }
  }

  #step(backlog: number, isAtOnce: boolean): number {
    const share = isAtOnce ? backlog : Math.max(leastStep, Math.ceil(backlog / backlogShare));
    return Math.min(backlog, mostStep, share);
  }
}

/** `end`, or one off when it would cut a surrogate pair. */
function wholeCharacters(text: string, end: number): number {
  const unit = text.charCodeAt(end - 1);
  if (unit < 0xd800 || unit > 0xdbff) return end;
  return end < text.length ? end + 1 : end - 1;
}
