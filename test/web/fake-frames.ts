// Frames that come when a test says so, 16 ms apart.

import type { Frames } from '../../src/web/frames.ts';

const frameMs = 16;

export class FakeFrames implements Frames {
  static readonly startMs = 5000;
  nowMs: number = FakeFrames.startMs;
  readonly #waiting = new Set<() => void>();

  get isWaiting(): boolean {
    return this.#waiting.size > 0;
  }

  now(): number {
    return this.nowMs;
  }

  request(callback: () => void): () => void {
    const once = (): void => callback();
    this.#waiting.add(once);
    return () => this.#waiting.delete(once);
  }

  /** Lets `count` frames come. */
  run(count: number): void {
    for (let frame = 0; frame < count; frame += 1) {
      this.nowMs += frameMs;
      const due = [...this.#waiting];
      this.#waiting.clear();
      for (const callback of due) callback();
    }
  }
}
