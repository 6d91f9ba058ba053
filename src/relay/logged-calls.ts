// The calls that a log tells of, and what each of them took.

import { UsageRecord } from '../client/engine.ts';
import type { StreamEvent } from '../protocol/index.ts';
import type { FurtherAttemptRecord } from '../storage/index.ts';
import { withOwnUsage } from './own-usage.ts';

export class LoggedCalls {
  /** The first one counts from the beginning. */
  readonly records: UsageRecord[];

  constructor(model: string) {
    this.records = [new UsageRecord({ number: 1, kind: 'first', model, isStreamed: true })];
  }

  takeAttempt({ number, kind, model, isStreamed = true, usage }: FurtherAttemptRecord): void {
    const record = new UsageRecord({ number, kind, model, isStreamed });
    // What the server has said already to somebody else.
    if (usage !== undefined) record.take({ type: 'message_start', message: { usage } } as StreamEvent);
    this.records.push(record);
  }

  /** An event of the last call. */
  takeEvent(event: StreamEvent): void {
    this.records.at(-1)?.take(withOwnUsage(event, this.records));
  }
}
