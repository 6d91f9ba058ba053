// What a log has of an answer: the message as far as it came, every call made for it, and how it ended.

import type { UsageRecord } from '../client/engine.ts';
import { MessageAccumulator, parseStreamEvent, ProtocolError } from '../protocol/index.ts';
import type { EndRecord, EventRecord, LogRecord, StreamLog, StreamState } from '../storage/index.ts';
import { logRecords } from './log-records.ts';
import { LoggedCalls } from './logged-calls.ts';
import { settledUsage } from './settled-usage.ts';

export interface LoggedAnswer {
  readonly accumulator: MessageAccumulator;
  /** Those that upstream has answered: the first one counts from the beginning. */
  readonly calls: readonly UsageRecord[];
  /** The codes of what the calls broke with; none for one that goes on, for a whole answer and after a stop. */
  readonly failures: readonly (string | undefined)[];
  /** With the usage of all calls, where the events do not say it. Undefined while the stream is open. */
  readonly end: EndRecord | undefined;
}

export async function readAnswer(
  log: StreamLog,
  { id, tail }: Pick<StreamState, 'id' | 'tail'>,
): Promise<LoggedAnswer> {
  const answer = new AnswerFold();
  for await (const records of logRecords(log, id, tail)) {
    for (const record of records) answer.take(record);
  }
  return answer;
}

class AnswerFold implements LoggedAnswer {
  readonly accumulator = new MessageAccumulator();
  #calls: LoggedCalls | undefined;
  readonly failures: (string | undefined)[] = [];
  end: EndRecord | undefined;

  get calls(): readonly UsageRecord[] {
    return this.#calls?.records ?? [];
  }

  take(record: LogRecord): void {
    if (record.type === 'event') this.#takeEvent(record);
    else if (record.type === 'open') this.#calls = new LoggedCalls(modelOf(record.request));
    else if (record.type === 'further_attempt') {
      this.#fail(record.reason);
      this.#calls?.takeAttempt(record);
    } else if (record.type === 'rewind') this.accumulator.rewind(record.fromIndex);
    else if (record.type === 'end') this.#takeEnd(record);
  }

  #takeEnd(end: EndRecord): void {
    // Of some ends nobody was there to say it: a process was killed, or a store failed.
    this.end = end.usage === undefined ? { ...end, ...settledUsage(this.calls) } : end;
    if (end.ending.type === 'failed') this.#fail(end.ending.code);
  }

  /** The last call broke. */
  #fail(code: string): void {
    this.failures[this.calls.length - 1] = code;
  }

  #takeEvent(record: EventRecord): void {
    try {
      const event = parseStreamEvent(record);
      this.#calls?.takeEvent(event);
      this.accumulator.push(event);
    } catch (error) {
      // A frame that is no event ends what can be told of the message; the log's own ending says why.
      if (!(error instanceof ProtocolError)) throw error;
      this.accumulator.fail(error);
    }
  }
}

/** Whatever is JSON may have been sent to `/v1/messages`. */
function modelOf(request: string): string {
  const { model } = JSON.parse(request) as { model?: unknown };
  return typeof model === 'string' ? model : '';
}
