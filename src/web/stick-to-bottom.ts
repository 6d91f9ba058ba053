// Keeps the newest text in view for as long as the reader wants it there. What counts is what the reader does, not
// how far away the end is: one turn of the wheel lets go, coming back to the end takes hold again.

import { signal } from '@preact/signals';
import type { ReadonlySignal, Signal } from '@preact/signals';

/** Closer to the end than this is at the end. */
const nearPx = 32;

const upKeys: ReadonlySet<string> = new Set(['ArrowUp', 'Home', 'PageUp']);

export class StickToBottom {
  readonly #scroller: HTMLElement;
  readonly #isStuck: Signal<boolean> = signal(true);
  readonly #observer: ResizeObserver;
  readonly #listeners = new AbortController();
  #lastTop = 0;
  #touchY = 0;

  /** `content` is what grows inside of `scroller`. */
  constructor(scroller: HTMLElement, content: HTMLElement) {
    this.#scroller = scroller;
    this.#observer = new ResizeObserver(() => {
      if (this.#isStuck.value) this.#scrollToEnd();
    });
    this.#observer.observe(content);
    this.#observer.observe(scroller);
    this.#listen();
  }

  get isStuck(): ReadonlySignal<boolean> {
    return this.#isStuck;
  }

  /** Goes to the end and stays there. */
  stick(): void {
    this.#isStuck.value = true;
    this.#scrollToEnd();
  }

  dispose(): void {
    this.#observer.disconnect();
    this.#listeners.abort();
  }

  #listen(): void {
    const options = { passive: true, signal: this.#listeners.signal } as const;
    this.#scroller.addEventListener('scroll', () => this.#scrolled(), options);
    this.#scroller.addEventListener('wheel', ({ deltaY }) => this.#moved(deltaY < 0), options);
    this.#scroller.addEventListener('keydown', ({ key }) => this.#moved(upKeys.has(key)), options);
    this.#scroller.addEventListener(
      'touchstart',
      ({ touches }) => {
        this.#touchY = touches[0]?.clientY ?? 0;
      },
      options,
    );
    this.#scroller.addEventListener(
      'touchmove',
      ({ touches }) => this.#moved((touches[0]?.clientY ?? 0) > this.#touchY),
      options,
    );
  }

  #moved(isUp: boolean): void {
    if (isUp && this.#canScroll()) this.#isStuck.value = false;
  }

  /** The end is reached by scrolling down, and left, with the scroll bar for example, by scrolling up. */
  #scrolled(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const isUp = scrollTop < this.#lastTop - 1;
    this.#lastTop = scrollTop;
    const isAtEnd = scrollHeight - clientHeight - scrollTop <= nearPx;
    if (isAtEnd && !isUp) this.#isStuck.value = true;
    // Content that shrinks moves the scroller up as well, but leaves it at the end.
    else if (isUp && !isAtEnd) this.#isStuck.value = false;
  }

  #canScroll(): boolean {
    return this.#scroller.scrollHeight > this.#scroller.clientHeight;
  }

  #scrollToEnd(): void {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#lastTop = this.#scroller.scrollTop;
  }
}
