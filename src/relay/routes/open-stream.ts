// How every route begins a stream: start it, wait for upstream's word, then answer with the stream or a refusal.

import { logStart } from '../../storage/index.ts';
import type { EntryId, OpenRecord, StreamLog, TurnRecord } from '../../storage/index.ts';
import { askedRefusal } from '../access/asked.ts';
import { limitsOf } from '../access/access-rules.ts';
import { takeReaderPlace } from '../access/reader-limits.ts';
import { closingResponse, errorResponse } from '../http.ts';
import type { RelayResponse, TextStream } from '../http.ts';
import { limitResponse } from '../limits.ts';
import { NewReader } from '../new-reader.ts';
import type { Encoder } from '../encoder.ts';
import type { RouteContext } from '../route-context.ts';
import type { StartOptions, StartResult } from '../start-options.ts';
import { withStore } from '../storage-error.ts';
import { within } from '../timers.ts';
import { nothingLeft } from './stream-response.ts';

/** What a route says of its stream; the rest is the same for all. */
export type StreamStart = Omit<StartOptions, 'hasKey' | 'waitMs'>;

/** A stream that there is. */
interface OpenedStream {
  /** Upstream's, where they were waited for. */
  readonly headers: Readonly<Record<string, string>>;
  readonly conversation: string | undefined;
  /** Its text, from where the client wants it; for who waits for upstream. */
  readonly follow: (encoder: Encoder) => TextStream;
}

export interface StreamAnswer {
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
  /** How long upstream's word is waited for, in milliseconds; then the client gets the stream, whatever it comes to.
   * With 0 it reads no events. Default: for as long as it takes. */
  readonly patienceMs?: number;
  /** Where a client that comes back goes on; default the beginning. */
  readonly after?: EntryId | undefined;
  readonly respond: (id: string, stream: OpenedStream) => RelayResponse;
}

interface Asked {
  readonly start: StreamStart;
  readonly answer: StreamAnswer;
  readonly follow: OpenedStream['follow'];
}

export async function openStream(
  context: RouteContext,
  start: StreamStart,
  answer: StreamAnswer,
): Promise<RelayResponse> {
  const { streams } = context;
  const { patienceMs, signal, after } = answer;
  const refusal = askedRefusal(start.body, context);
  if (refusal !== undefined) return refusal;
  const isReader = patienceMs !== 0;
  const place = isReader ? takeReaderPlace(context) : undefined;
  // Before there is a stream that nobody could read.
  if (isReader && place === undefined) return limitResponse('readers');
  using reader = new NewReader({ streams, place, signal });
  const { hasKey } = context.caller;
  const started = await streams.start({ ...start, hasKey, waitMs: waitMsOf(context) });
  if (started.type === 'limited') return started.response;
  if (started.type !== 'started' && started.type !== 'exists') return startRefusals[started.type]();
  if (!reader.enter(started.id)) return limitResponse('readers');
  const asked = { start, answer, follow: (encoder: Encoder) => reader.follow(started.id, encoder, after) };
  return await (started.type === 'exists'
    ? attach(started.id, context, asked)
    : answerStarted(started, asked));
}

async function answerStarted(
  { id, opening, isWaiting }: Extract<StartResult, { type: 'started' }>,
  { start: { conversation }, answer: { patienceMs, respond }, follow }: Asked,
): Promise<RelayResponse> {
  // A page is told where it is in the queue; a program of `/v1` gets upstream's own status.
  const limitMs = isWaiting && patienceMs !== undefined ? 0 : (patienceMs ?? Infinity);
  const opened = (await within(limitMs, opening)) ?? { type: 'streaming', headers: {} };
  if (opened.type === 'refused') return opened.response;
  return respond(id, { headers: opened.headers, conversation, follow });
}

/** What goes upstream is the same. Of another conversation, or at another place of it, the request is another one. */
async function attach(
  id: string,
  { streams }: RouteContext,
  { start, answer: { respond, after, patienceMs }, follow }: Asked,
): Promise<RelayResponse> {
  const open = await openRecordOf(streams.log, id);
  if (!isSameTurn(open?.turn, start.turn)) return startRefusals.conflict();
  const readsOn = after !== undefined && patienceMs !== 0;
  const state = readsOn ? await streams.log.state(id) : undefined;
  const seen = state && nothingLeft(state, after);
  if (seen !== undefined) return seen;
  return respond(id, { headers: {}, conversation: open?.conversation, follow });
}

function isSameTurn(made: TurnRecord | undefined, again: TurnRecord | undefined): boolean {
  const said = saidOf(again);
  return saidOf(made).every((value, index) => value === said[index]);
}

function saidOf({ added, asked }: Partial<TurnRecord> = {}): readonly unknown[] {
  return [added, asked?.conversation, asked?.parent];
}

async function openRecordOf(log: StreamLog, id: string): Promise<OpenRecord | undefined> {
  const result = await withStore(`read the stream ${id}`, async () =>
    log.read(id, logStart, { maxEntries: 1, maxBytes: 1 }),
  );
  const first = result.type === 'entries' ? result.entries[0]?.record : undefined;
  return first?.type === 'open' ? first : undefined;
}

/** A page sees how it goes on, and may wait. */
function waitMsOf({ access, caller, isPage }: RouteContext): number {
  return isPage ? Infinity : limitsOf(access.rules, caller.owner).waitMs;
}

const startRefusals = {
  full: () => limitResponse('logs'),
  conflict: () =>
    errorResponse(409, 'conflict_error', 'Idempotency-Key: was used for another request; use a new key'),
  closing: closingResponse,
  busy: () => limitResponse('streams'),
} satisfies Record<Exclude<StartResult['type'], 'started' | 'exists' | 'limited'>, () => RelayResponse>;
