// What the relay says of its work, for an operator's log: who asked what is never in it, nor what was answered. A
// route stands in place of the path, and of errors there is the code alone.

import type { StreamState } from '../storage/index.ts';
import type { RelayRequest, RelayResponse } from './http.ts';
import type { RelayTelemetry } from './telemetry/telemetry.ts';

export type LogLine = BreakLine | RequestLine | StreamLine;

/** A response that has gone out, or that its client has left. */
export interface RequestLine {
  readonly type: 'request';
  readonly method: string;
  /** As it stands in docs/relay.md, such as `/streams/:id`; `page` for the page's files, `none` for what is not there. */
  readonly route: string;
  readonly status: number;
  readonly streamId?: string;
  readonly durationMs: number;
  /** What went out to the client, compressed where it was. */
  readonly bytes: number;
  /** The client had gone by then. */
  readonly left: boolean;
}

/** A stream that this relay produced has its ending, or another producer. */
export interface StreamLine {
  readonly type: 'stream';
  readonly streamId: string;
  /** `handed_over`: it has none yet; the relay goes, and has left the stream to another process. */
  readonly ending: 'complete' | 'stopped' | 'failed' | 'handed_over';
  /** Of a failure. */
  readonly code?: string;
  readonly entries: number;
  readonly durationMs: number;
}

/** A call for an answer broke, and its readers do not get to see that. */
export interface BreakLine extends MendedBreak {
  readonly type: 'break';
  readonly streamId: string;
}

export interface MendedBreak {
  /** The number of the call. */
  readonly attempt: number;
  /** Of the error it broke with. */
  readonly code: string;
  /** What was done: another call, or the end alone, as nothing else was missing. */
  readonly action: 'retry' | 'recovery' | 'fallback' | 'end';
}

export interface LogOptions {
  readonly onRequest: (line: RequestLine) => void;
  readonly now: () => number;
}

const methods = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT']);

/** The response, which is told of when it has gone out. */
export function loggedResponse(
  { method, signal }: RelayRequest,
  { response, route, startedAt }: { response: RelayResponse; route: string; startedAt: number },
  { onRequest, now }: LogOptions,
): RelayResponse {
  const { status, headers } = response;
  const streamId = headers['x-stream-id'];
  return {
    ...response,
    sent: (bytes) => {
      onRequest({
        type: 'request',
        // Any word may be one, and say anything.
        method: methods.has(method) ? method : 'OTHER',
        route,
        status,
        ...(streamId === undefined ? {} : { streamId }),
        durationMs: now() - startedAt,
        bytes,
        left: signal.aborted,
      });
    },
  };
}

export function streamLine(
  { id, createdAt, tail, ending }: StreamState,
  { now, isHandedOver }: { now: number; isHandedOver: boolean },
): StreamLine | undefined {
  const type = ending?.type ?? (isHandedOver ? 'handed_over' : undefined);
  if (type === undefined) return undefined;
  return {
    type: 'stream',
    streamId: id,
    ending: type,
    ...(ending?.type === 'failed' ? { code: knownWord(ending.code) } : {}),
    entries: tail.sequence,
    durationMs: now - createdAt,
  };
}

export function breakLine(streamId: string, { attempt, code, action }: MendedBreak): BreakLine {
  return { type: 'break', streamId, attempt, code: knownWord(code), action };
}

/** The type of an upstream error is whatever upstream says. */
export function knownWord(code: string): string {
  return /^[a-z][a-z_]{0,63}$/.test(code) ? code : 'other';
}

/** What fails to be told fails no answer. */
export function harmless(
  onLog: (line: LogLine) => void,
  onError: (error: unknown) => void,
): (line: LogLine) => void {
  return (line) => {
    try {
      onLog(line);
    } catch (error) {
      onError(error);
    }
  };
}

/** Tells everybody of a response; undefined for nobody. */
export function requestTeller(
  onLog: ((line: LogLine) => void) | undefined,
  telemetry: Required<RelayTelemetry> | undefined,
): ((line: RequestLine) => void) | undefined {
  if (onLog === undefined && telemetry === undefined) return undefined;
  return (line) => {
    onLog?.(line);
    telemetry?.request(line);
  };
}
