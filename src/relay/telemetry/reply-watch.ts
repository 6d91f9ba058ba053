// What an answer in one piece was like: counted as a stream is, but for what only a stream has.

import { parseStreamEvent } from '../../protocol/index.ts';
import type { Message } from '../../protocol/index.ts';
import { failureOf } from '../failure.ts';
import { isJsonObject, parseObject, stringOr } from '../json-object.ts';
import type { JsonObject } from '../json-object.ts';
import type { CostOf } from './stream-watch.ts';
import type { RelayTelemetry, StreamSummary, StreamTelemetry } from './telemetry.ts';

interface Reply {
  readonly status: number;
  readonly body: Uint8Array;
}

/** Tells of the call, and gives back what it does. With the signal's abort it was stopped. */
export type WatchReply = <Given extends Reply>(
  call: () => Promise<Given>,
  signal: AbortSignal,
) => Promise<Given>;

export interface ReplyWatchOptions {
  readonly telemetry: Required<RelayTelemetry> | undefined;
  readonly costOf: CostOf;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function createReplyWatch({ telemetry, costOf, now }: ReplyWatchOptions): WatchReply {
  if (telemetry === undefined) return (call) => call();
  return async (call, signal) => {
    const atMs = now();
    const told = telemetry.begin({ atMs, isTakeover: false }) as Required<StreamTelemetry>;
    const end = (summary: Summary): void => {
      if (summary.responseModel !== undefined) told.answered(summary.responseModel);
      told.end({ ...nothingKnown, ...summary, durationMs: now() - atMs });
    };
    told.attempt({ kind: 'first' });
    try {
      const reply = await call();
      end(summaryOf(reply, costOf));
      return reply;
    } catch (error) {
      end(signal.aborted ? { ending: 'stopped' } : { ending: 'failed', code: failureOf(error).code });
      throw error;
    }
  };
}

type Summary = Partial<StreamSummary> & Pick<StreamSummary, 'ending'>;

const nothingKnown = {
  responseModel: undefined,
  stopReason: undefined,
  usage: undefined,
  cost: undefined,
  isUsageEstimated: false,
  isWithoutEnd: false,
};

function summaryOf({ status, body }: Reply, costOf: CostOf): Summary {
  const value = parseObject(new TextDecoder().decode(body));
  if (status !== 200) {
    const error = value?.['error'];
    return { ending: 'failed', code: stringOr(isJsonObject(error) ? error['type'] : undefined, 'api_error') };
  }
  const message = messageOf(value);
  if (message === undefined) return { ending: 'failed', code: 'not_a_message' };
  const { model, usage, stop_reason } = message;
  const cost = costOf(model, usage);
  return { ending: 'complete', responseModel: model, stopReason: stop_reason ?? undefined, usage, cost };
}

/** Undefined for what is no message: it is held against the rules of an event that begins with one. */
function messageOf(value: JsonObject | undefined): Message | undefined {
  if (value === undefined) return undefined;
  try {
    const data = JSON.stringify({ type: 'message_start', message: { ...value, content: [] } });
    return (parseStreamEvent({ data }) as { message: Message }).message;
  } catch {
    return undefined;
  }
}
