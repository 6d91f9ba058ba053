// What `GET /streams/:id` tells of a stream in JSON: its message as far as it came, and every call made for it. One
// pass over the log, which the message takes anyway.

import { UsageRecord } from '../client/engine.ts';
import { MessageAccumulator, parseStreamEvent, ProtocolError } from '../protocol/index.ts';
import { formatEntryId } from '../storage/index.ts';
import type { EndRecord, EventRecord, FurtherAttemptRecord } from '../storage/index.ts';
import type { LogRecord, StreamLog, StreamState } from '../storage/index.ts';
import { logRecords } from './log-records.ts';
import { withOwnUsage } from './own-usage.ts';

/** Rejects with what the store does. */
export async function describeStream(state: StreamState, log: StreamLog): Promise<object> {
  const { id, createdAt, tail, ending } = state;
  const told = new ToldStream();
  for await (const records of logRecords(log, id, tail)) {
    for (const record of records) told.take(record);
  }
  return {
    id,
    state: ending === undefined ? 'open' : 'ended',
    ending: ending ?? null,
    lastId: formatEntryId(tail),
    createdAt,
    ...told.description(),
  };
}

class ToldStream {
  readonly #accumulator = new MessageAccumulator();
  /** Those that upstream has answered: the first one counts from the beginning. */
  readonly #calls: UsageRecord[] = [];
  /** The codes of what they broke with; none for one that goes on, for a whole answer and after a stop. */
  readonly #errors: (string | undefined)[] = [];
  #end: EndRecord | undefined;

  take(record: LogRecord): void {
    if (record.type === 'event') this.#takeEvent(record);
    else if (record.type === 'open')
      this.#begin({ number: 1, kind: 'first', model: modelOf(record.request) });
    else if (record.type === 'further_attempt') this.#takeAttempt(record);
    else if (record.type === 'rewind') this.#accumulator.rewind(record.fromIndex);
    else if (record.type === 'end') this.#takeEnd(record);
  }

  description(): object {
    const { message } = this.#accumulator;
    return {
      message: message ?? null,
      usage: this.#end?.usage ?? message?.usage ?? null,
      usage_estimated: this.#end?.isUsageEstimated === true,
      attempts: this.#calls.map(({ number, kind, model, usage, isUsageExact }, index) => ({
        number,
        kind,
        model,
        error: this.#errors[index] ?? null,
        usage: usage ?? null,
        usage_estimated: usage !== undefined && !isUsageExact,
      })),
    };
  }

  #begin(call: Pick<FurtherAttemptRecord, 'number' | 'model'> & Pick<UsageRecord, 'kind'>): UsageRecord {
    const record = new UsageRecord({ ...call, isStreamed: true });
    this.#calls.push(record);
    return record;
  }

  #takeAttempt({ number, kind, model, reason, usage }: FurtherAttemptRecord): void {
    this.#fail(reason);
    const record = this.#begin({ number, kind, model });
    if (usage !== undefined) record.begin(usage);
  }

  #takeEnd(end: EndRecord): void {
    this.#end = end;
    if (end.ending.type === 'failed') this.#fail(end.ending.code);
  }

  #fail(code: string): void {
    this.#errors[this.#calls.length - 1] = code;
  }

  #takeEvent(record: EventRecord): void {
    try {
      const event = parseStreamEvent(record);
      this.#calls.at(-1)?.take(withOwnUsage(event, this.#calls));
      this.#accumulator.push(event);
    } catch (error) {
      // A frame that is no event ends what can be told of the message; the log's own ending says why.
      if (!(error instanceof ProtocolError)) throw error;
      this.#accumulator.fail(error);
    }
  }
}

/** Any body that is JSON may have been sent to `/v1/messages`. */
function modelOf(request: string): string {
  const { model } = JSON.parse(request) as { model?: unknown };
  return typeof model === 'string' ? model : '';
}
