// The usual accumulator: tool inputs can be looked at while they grow.

import { MessageBuilder } from './message-builder.ts';
import { PartialJson } from './partial-json.ts';

/**
 * Accumulates the events of one stream.
 *
 * 1. Blocks stand in `message.content` in the order of their `index`, whatever order they come in. An index that
 *    is begun again begins another block behind the first: nothing that arrived is overwritten.
 * 2. Usage is overwritten, field by field; null keeps. Signatures and compactions are assigned.
 * 3. `message` is one live, read-only object that shares nothing with the events pushed. To read it after every
 *    event costs nothing; to look at the characters of a text that grows costs its length, as with any string,
 *    so who shows every change takes it from the delta.
 * 4. A tool input that is invalid or cut spoils nothing else: its block keeps the value so far, and `inputOf`
 *    has the text and what is wrong with it.
 * 5. After an ending further events change nothing.
 */
export class MessageAccumulator extends MessageBuilder<PartialJson> {
  constructor() {
    super(() => new PartialJson());
  }
}
