// An answer of upstream in one piece, within limits of time: whoever waits for it is told at some point.

import { follow, limitTime, ReadWatch } from '../client/engine.ts';
import type { CallSettings } from '../client/engine.ts';
import type { ByteSource, TransportResponse } from '../client/index.ts';
import { passedResponse } from './upstream.ts';

export interface TimedReplyOptions {
  readonly settings: Pick<CallSettings, 'clock' | 'timeouts'>;
  /** Aborts when nobody waits any more. */
  readonly signal: AbortSignal;
  /** How long the answer may take to begin, in milliseconds. */
  readonly headersMs: number;
}

type Call = (options: { signal: AbortSignal; connectMs: number }) => Promise<TransportResponse>;

/** Rejects with a TimeoutError at a limit, with the signal's reason, and with what the call rejects with. */
export async function timedReply(
  call: Call,
  { settings, signal, headersMs }: TimedReplyOptions,
): ReturnType<typeof passedResponse> {
  const { clock, timeouts } = settings;
  const controller = new AbortController();
  const letGo = follow(signal, controller);
  const watch = new ReadWatch({ clock, timeouts, controller });
  const stopTotal = limitTime(controller, clock, { code: 'total_timeout', limitMs: timeouts.totalMs });
  const stopHeaders = limitTime(controller, clock, { code: 'headers_timeout', limitMs: headersMs });
  try {
    const response = await call({ signal: controller.signal, connectMs: timeouts.connectMs });
    stopHeaders();
    const { status, headers, body } = response;
    return await passedResponse({ status, headers, body: watched(body, watch) });
  } catch (error) {
    controller.signal.throwIfAborted();
    throw error;
  } finally {
    stopHeaders();
    stopTotal();
    watch.stop();
    letGo();
  }
}

function watched(body: ByteSource, watch: ReadWatch): ByteSource {
  return {
    read: async () => {
      watch.begin();
      try {
        return await body.read();
      } finally {
        watch.end();
        watch.progress();
      }
    },
    cancel: () => body.cancel(),
  };
}
