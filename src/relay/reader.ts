// One reader of one log, at its own pace: a generator of text that somebody else puts on a socket. It holds one
// batch of entries and nothing more, so that a reader who does not read costs nobody anything.

import { logStart } from '../storage/index.ts';
import type { EntryId, LogEntry, StreamLog } from '../storage/index.ts';

/** A format of a stream's log: a pure function from entries to text, with a small state of its own. */
export interface Encoder {
  encode(entry: LogEntry): string;
  /** Said when nothing else has been for a while; never part of the log. */
  ping(): string;
  /** Said when the log is not what the reader has seen: it begins anew. */
  reset(from: EntryId): string;
  /** Said when the log was deleted under the reader: an ending, since no connection just closes. */
  gone(): string;
  /** The format needs every entry from the first on, also for a reader who joins later. */
  readonly needsHistory: boolean;
}

export interface ReadOptions {
  readonly id: string;
  readonly after: EntryId;
  readonly signal: AbortSignal;
  /** The longest silence on the connection, in milliseconds. */
  readonly pingMs: number;
}

const entriesPerBatch = 256;

/** The text of the log from `after` to its end; ends early when the reader has gone. */
export async function* readLog(
  log: StreamLog,
  encoder: Encoder,
  { id, after, signal, pingMs }: ReadOptions,
): AsyncGenerator<string, void, undefined> {
  let { position, shownAfter } = await startOf(log, encoder, { id, after });
  while (!signal.aborted) {
    const result = await log.read(id, position, entriesPerBatch);
    if (result.type === 'gone') return yield encoder.gone();
    if (result.type === 'diverged') {
      yield encoder.reset(result.from);
      position = result.from;
      shownAfter = result.from.sequence;
      continue;
    }
    const text = encodeAll(encoder, result.entries, shownAfter);
    position = result.entries.at(-1)?.id ?? position;
    if (text !== '') yield text;
    if (result.ended) return;
    if (result.entries.length > 0) continue;
    const hasEntry = await waitForEntry(log, { id, after: position, signal, pingMs });
    if (!hasEntry) yield encoder.ping();
  }
}

/** Where to begin to read, and the last sequence the reader has seen. */
async function startOf(
  log: StreamLog,
  encoder: Encoder,
  { id, after }: { id: string; after: EntryId },
): Promise<{ position: EntryId; shownAfter: number }> {
  // An offset that the log does not know must lead to a reset, also when reading begins before it.
  const isKnown = encoder.needsHistory && (await log.read(id, after, 0)).type === 'entries';
  return { position: isKnown ? logStart : after, shownAfter: after.sequence };
}

function encodeAll(encoder: Encoder, entries: readonly LogEntry[], shownAfter: number): string {
  let text = '';
  for (const entry of entries) {
    const piece = encoder.encode(entry);
    if (entry.id.sequence > shownAfter) text += piece;
  }
  return text;
}

/** False when `pingMs` have passed first. */
async function waitForEntry(log: StreamLog, { id, after, signal, pingMs }: ReadOptions): Promise<boolean> {
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), pingMs);
  try {
    await log.wait(id, after, AbortSignal.any([signal, silence.signal]));
  } finally {
    clearTimeout(timer);
  }
  return !silence.signal.aborted || signal.aborted;
}
