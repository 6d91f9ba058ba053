// What upstream's frames are in the log, and which of them ends the answer.

import { parseStreamEvent, ProtocolError } from '../protocol/index.ts';
import type { ServerSentEvent } from '../protocol/index.ts';
import type { EndRecord, EventRecord } from '../storage/index.ts';

/** The records of some frames, up to the one that ends the answer; with it, the end. */
export function recordsOf(frames: readonly ServerSentEvent[]): {
  records: EventRecord[];
  end: EndRecord | undefined;
} {
  const records: EventRecord[] = [];
  for (const { event, data } of frames) {
    records.push(event === undefined ? { type: 'event', data } : { type: 'event', event, data });
    const end = endOf(event, data);
    if (end !== undefined) return { records, end };
  }
  return { records, end: undefined };
}

const complete: EndRecord = { type: 'end', ending: { type: 'complete' } };

/** Only the frames that can end an answer are parsed; deltas pass as they are. */
function endOf(event: string | undefined, data: string): EndRecord | undefined {
  if (event === 'message_stop') return complete;
  if (event !== 'error' && event !== undefined) return undefined;
  try {
    const parsed = parseStreamEvent({ event, data });
    if (parsed.type === 'message_stop') return complete;
    if (parsed.type !== 'error') return undefined;
    const { type: code, message } = parsed.error;
    return { type: 'end', ending: { type: 'failed', code, message }, saidByUpstream: true };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { type: 'end', ending: { type: 'failed', code: error.code, message: error.message } };
  }
}
