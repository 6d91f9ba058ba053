// What reads the input of a tool's block, piece by piece.

import type { ProtocolError } from './errors.ts';

/** {@link PartialJson} has a value all along, {@link WholeJson} when there is all of it. */
export interface ToolInput {
  /** All the text received, valid or not. */
  readonly text: string;
  /** Whether the text is one whole JSON value. */
  readonly complete: boolean;
  /** What the text says; undefined while that is not known. */
  readonly value: unknown;
  /** The value when it is an object or array, as a tool's input is. */
  readonly container: object | undefined;
  /** Why the text is not JSON: `invalid_json`. */
  readonly error: ProtocolError | undefined;
  /** Takes the next piece. */
  push(text: string): void;
  /** Says that no more will come. */
  end?(): void;
}
