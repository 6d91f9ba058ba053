// JSON that arrives in pieces and is read once, at its end: for who does not look at it before, in a fraction of the
// code that PartialJson is.

import { ProtocolError } from './errors.ts';
import { FlatText } from './flat-text.ts';
import type { ToolInput } from './tool-input.ts';

/** Reads one JSON value. Before `end` there is nothing but its `text`; after it `value` and `complete`, or `error`. */
export class WholeJson implements ToolInput {
  readonly #text = new FlatText();
  value: unknown;
  complete = false;
  error: ProtocolError | undefined;

  get text(): string {
    return this.#text.value;
  }

  get container(): object | undefined {
    return typeof this.value === 'object' ? (this.value ?? undefined) : undefined;
  }

  push(text: string): void {
    this.#text.append(text);
    this.complete = false;
    this.error = undefined;
  }

  end(): void {
    if (this.complete || this.error !== undefined) return;
    const { text } = this;
    try {
      this.value = JSON.parse(text);
      this.complete = true;
    } catch (cause) {
      this.error = new ProtocolError('invalid_json', 'The input of a tool is not JSON', {
        excerpt: text,
        cause,
      });
    }
  }
}
