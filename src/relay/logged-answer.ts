// What a log has of an answer: the message as far as it came, and how it ended.

import { MessageAccumulator, parseStreamEvent, ProtocolError } from '../protocol/index.ts';
import type { EndRecord, EventRecord, StreamLog, StreamState } from '../storage/index.ts';
import { logRecords } from './log-records.ts';

export interface LoggedAnswer {
  readonly accumulator: MessageAccumulator;
  /** Undefined while the stream is open. */
  readonly end: EndRecord | undefined;
}

export async function readAnswer(
  log: StreamLog,
  { id, tail }: Pick<StreamState, 'id' | 'tail'>,
): Promise<LoggedAnswer> {
  const accumulator = new MessageAccumulator();
  let end: EndRecord | undefined;
  for await (const records of logRecords(log, id, tail)) {
    for (const record of records) {
      if (record.type === 'event') addTo(accumulator, record);
      else if (record.type === 'rewind') accumulator.rewind(record.fromIndex);
      else if (record.type === 'end') end = record;
    }
  }
  return { accumulator, end };
}

function addTo(accumulator: MessageAccumulator, record: EventRecord): void {
  try {
    accumulator.push(parseStreamEvent(record));
  } catch (error) {
    // A frame that is no event ends what can be told of the message; the log's own ending says why.
    if (!(error instanceof ProtocolError)) throw error;
    accumulator.fail(error);
  }
}
