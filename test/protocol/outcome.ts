import assert from 'node:assert/strict';
import { ProtocolError } from 'millrace/protocol';
import type { SseDecoder } from 'millrace/protocol';

/** What the decoder returned, and the code of what it threw, whichever call threw it. */
export function outcomeOf<Chunk extends Uint8Array | string>(
  decoder: { push(chunk: Chunk): unknown[] } & Pick<SseDecoder, 'end'>,
  chunks: readonly Chunk[],
): unknown[] {
  const seen: unknown[] = [];
  try {
    for (const chunk of chunks) seen.push(...decoder.push(chunk));
    seen.push(...decoder.end());
  } catch (error) {
    assert.ok(error instanceof ProtocolError, String(error));
    seen.push(error.code);
  }
  return seen;
}
