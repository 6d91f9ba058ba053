// JSON that arrives in pieces and is read once, at its end: for who does not look at it before, in a fraction of the
// code that PartialJson is.

import { ProtocolError } from './errors.ts';
import { FlatText } from './flat-text.ts';
import { isObject } from './own-properties.ts';
import type { ToolInput } from './tool-input.ts';

/** Reads one JSON value. Until `end` there is nothing but its `text`; from then on `value`, or `error`. */
export class WholeJson implements ToolInput {
  readonly #text = new FlatText();
  value: unknown;
  error: ProtocolError | undefined;

  get text(): string {
    return this.#text.value;
  }

  get complete(): boolean {
    return this.value !== undefined;
  }

  get container(): object | undefined {
    return isObject(this.value) ? this.value : undefined;
  }

  push(text: string): void {
    this.#text.append(text);
    this.value = undefined;
    this.error = undefined;
  }

  end(): void {
    if (this.complete || this.error !== undefined) return;
    const { text } = this;
    try {
      this.value = JSON.parse(text);
    } catch (cause) {
      this.error = new ProtocolError('invalid_json', 'Not JSON', { excerpt: text, cause });
    }
  }
}
