// The relay's own records among the events of a stream: frames of the type `millrace` that the Messages API does
// not have. A page reads those that change what it has read; the others only keep the numbers dense.

import type { StreamEvent } from '../../protocol/index.ts';

export type RelayRecord =
  /** The log is not what was read: what comes next follows on another event. */
  | { readonly type: 'reset' }
  /** The relay goes: the rest is to be had from the one that comes. */
  | { readonly type: 'reconnect' }
  /** Blocks from `fromIndex` on are withdrawn and generated anew. */
  | { readonly type: 'rewind'; readonly fromIndex: number };

/** The record that `event` carries, when it is one of those. */
export function relayRecord(event: StreamEvent): RelayRecord | undefined {
  if ((event.type as string) !== 'millrace' || !('record' in event)) return undefined;
  const { type, fromIndex } = (event.record ?? {}) as { type?: unknown; fromIndex?: unknown };
  if (type === 'reset' || type === 'reconnect') return { type };
  return type === 'rewind' && typeof fromIndex === 'number' ? { type, fromIndex } : undefined;
}
