// What upstream's frames are in the log, and which of them ends the answer.

import { ApiError, errorOfEvent, parseStreamEvent, ProtocolError } from '../protocol/index.ts';
import type { ServerSentEvent } from '../protocol/index.ts';
import type { EndRecord, EventRecord, LogRecord } from '../storage/index.ts';

export interface AnswerFrames {
  /** In order, up to the frame that breaks the answer, without it. */
  readonly records: readonly EventRecord[];
  /** Whether there is anything but pings. */
  readonly hasProgress: boolean;
  /** The last of the records is the answer's last event. */
  readonly isComplete: boolean;
  /** Set when a frame breaks the answer. */
  readonly broken?: BrokenFrame | undefined;
}

/** What broke an answer, and how its log would end by that. */
export interface Broken {
  readonly failure: unknown;
  readonly last: readonly LogRecord[];
}

/** `last` is the frame as it came, and the end it makes. */
interface BrokenFrame extends Broken {
  readonly failure: ApiError | ProtocolError;
}

export function readFrames(frames: readonly ServerSentEvent[]): AnswerFrames {
  const records: EventRecord[] = [];
  let hasProgress = false;
  for (const { event, data } of frames) {
    const record: EventRecord =
      event === undefined ? { type: 'event', data } : { type: 'event', event, data };
    const ending = endingOf(record);
    if (ending !== undefined && ending !== 'complete') {
      return { records, hasProgress: true, isComplete: false, broken: ending };
    }
    records.push(record);
    hasProgress ||= event !== 'ping';
    if (ending === 'complete') return { records, hasProgress, isComplete: true };
  }
  return { records, hasProgress, isComplete: false };
}

/** Only the frames that can end an answer are parsed; deltas pass as they are. */
function endingOf(record: EventRecord): 'complete' | BrokenFrame | undefined {
  const { event } = record;
  if (event === 'message_stop') return 'complete';
  if (event !== 'error' && event !== undefined) return undefined;
  try {
    const parsed = parseStreamEvent(record);
    if (parsed.type === 'message_stop') return 'complete';
    if (parsed.type !== 'error') return undefined;
    return { failure: errorOfEvent(parsed), last: [record, saidEnd(parsed.error)] };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    const { code, message } = error;
    return { failure: error, last: [record, { type: 'end', ending: { type: 'failed', code, message } }] };
  }
}

/** How a log ends by an error that upstream says in its stream: with its words, and byte for byte where it is what
 * broke the answer before. */
export function upstreamsLast(failure: ApiError, before: Broken): readonly LogRecord[] {
  if (before.last[0]?.type === 'event' && isSameError(failure, before.failure)) return before.last;
  const { type, message, details, requestId } = failure;
  const event = { type: 'error', error: { type, message, details }, request_id: requestId };
  const record: EventRecord = { type: 'event', event: 'error', data: JSON.stringify(event) };
  return [record, saidEnd(failure)];
}

/** An event may leave out by which name the server knows the request. */
function isSameError(error: ApiError, before: unknown): boolean {
  if (!(before instanceof ApiError)) return false;
  const { type, message, details, requestId = error.requestId } = before;
  const isSameRequest = requestId === error.requestId;
  return (
    isSameRequest &&
    type === error.type &&
    message === error.message &&
    JSON.stringify(details) === JSON.stringify(error.details)
  );
}

function saidEnd({ type: code, message }: { type: string; message: string }): EndRecord {
  return { type: 'end', ending: { type: 'failed', code, message }, saidByUpstream: true };
}
