// How fast an answer came. Visible are text, thinking and tool input; what has no characters is not.

import type { StreamEvent } from '../../protocol/index.ts';

export interface AnswerFigures {
  /** From the sending of the question to the first visible delta. */
  readonly firstTokenMs?: number | undefined;
  readonly tokensPerSecond?: number | undefined;
}

export class AnswerTiming {
  readonly #sentAt: number;
  #firstAt: number | undefined;
  #lastAt: number | undefined;

  constructor(sentAt: number) {
    this.#sentAt = sentAt;
  }

  take(event: StreamEvent, now: number): void {
    if (!isVisible(event)) return;
    this.#firstAt ??= now;
    this.#lastAt = now;
  }

  /** The rate counts the tokens after the first, over the time they took. */
  figures(outputTokens: number): AnswerFigures {
    const [first, last] = [this.#firstAt, this.#lastAt];
    if (first === undefined || last === undefined) return {};
    const seconds = (last - first) / 1000;
    return {
      firstTokenMs: first - this.#sentAt,
      tokensPerSecond: seconds > 0 && outputTokens > 1 ? (outputTokens - 1) / seconds : undefined,
    };
  }
}

function isVisible(event: StreamEvent): boolean {
  if (event.type !== 'content_block_delta') return false;
  const { delta } = event;
  if (delta.type === 'text_delta') return delta.text !== '';
  if (delta.type === 'thinking_delta') return delta.thinking !== '';
  return delta.type === 'input_json_delta' && delta.partial_json !== '';
}
