// How every route begins a stream: start it, wait for upstream's word, then answer with the stream or a refusal.

import { logStart } from '../../storage/index.ts';
import type { StreamLog } from '../../storage/index.ts';
import { askedRefusal } from '../access/asked.ts';
import type { MessagesBody } from '../access/asked.ts';
import { limitsOf } from '../access/access-rules.ts';
import { areReadersFull } from '../access/reader-limits.ts';
import { closingResponse, errorResponse } from '../http.ts';
import type { RelayResponse } from '../http.ts';
import { limitResponse } from '../limits.ts';
import type { RouteContext } from '../route-context.ts';
import type { StartOptions, StartResult } from '../start-options.ts';
import { withStore } from '../storage-error.ts';

/** What a route says of its stream; the rest is the same for all. */
export type StreamStart = Omit<StartOptions, 'body' | 'hasKey' | 'waitMs'>;

export interface StreamAnswer {
  /** The request, where it has been parsed. */
  readonly body?: MessagesBody;
  /** How long upstream's word is waited for, in milliseconds; then the client gets the stream, whatever it comes to.
   * Default: for as long as it takes. */
  readonly patienceMs?: number;
  /** The name of the conversation was made for this request: one that is made again is of the first one's. */
  readonly isNamedHere?: boolean;
  /** The response for the stream, given upstream's headers where they were waited for, and its conversation. */
  readonly respond: (
    id: string,
    headers: Readonly<Record<string, string>>,
    conversation: string | undefined,
  ) => RelayResponse;
}

interface Asked {
  readonly start: StreamStart;
  readonly answer: StreamAnswer;
}

export async function openStream(
  context: RouteContext,
  start: StreamStart,
  answer: StreamAnswer,
): Promise<RelayResponse> {
  const { streams } = context;
  const { body = parse(start.call.request), patienceMs } = answer;
  const isReader = patienceMs !== 0;
  // Before there is a stream that nobody could read.
  const refusal = askedRefusal(body, context) ?? readersRefusal(context, isReader);
  if (refusal !== undefined) return refusal;
  const { hasKey } = context.caller;
  const started = await streams.start({ ...start, body, hasKey, waitMs: waitMsOf(context) });
  if (started.type === 'exists') {
    return readersRefusal(context, isReader, started.id) ?? attach(started.id, context, { start, answer });
  }
  if (started.type === 'limited') return started.response;
  if (started.type !== 'started') return startRefusals[started.type]();
  return answerStarted(started, { start, answer });
}

function readersRefusal(context: RouteContext, isReader: boolean, id?: string): RelayResponse | undefined {
  return isReader && areReadersFull(context, id) ? limitResponse('readers') : undefined;
}

async function answerStarted(
  { id, opening, isWaiting }: Extract<StartResult, { type: 'started' }>,
  { start: { conversation }, answer: { patienceMs, respond } }: Asked,
): Promise<RelayResponse> {
  // A page is told where it is in the queue; a program of `/v1` gets upstream's own status.
  const limitMs = isWaiting && patienceMs !== undefined ? 0 : patienceMs;
  const opened = await within(limitMs, opening);
  if (opened === undefined) return respond(id, {}, conversation);
  return opened.type === 'refused' ? opened.response : respond(id, opened.headers, conversation);
}

/** The same request of another conversation is another one. */
async function attach(
  id: string,
  { streams }: RouteContext,
  { start, answer: { isNamedHere = false, respond } }: Asked,
): Promise<RelayResponse> {
  const conversation = await conversationOf(streams.log, id);
  const isSame = isNamedHere ? conversation !== undefined : conversation === start.conversation;
  return isSame ? respond(id, {}, conversation) : startRefusals.conflict();
}

async function conversationOf(log: StreamLog, id: string): Promise<string | undefined> {
  const result = await withStore(`read the stream ${id}`, () =>
    log.read(id, logStart, { maxEntries: 1, maxBytes: 1 }),
  );
  const first = result.type === 'entries' ? result.entries[0]?.record : undefined;
  return first?.type === 'open' ? first.conversation : undefined;
}

/** A page sees how it goes on, and may wait. */
function waitMsOf({ access, caller, isPage }: RouteContext): number {
  return isPage ? Infinity : limitsOf(access.rules, caller.owner).waitMs;
}

/** Throws nothing: every route has parsed it, or made it itself. */
function parse(request: string): MessagesBody {
  return JSON.parse(request) as MessagesBody;
}

/** Undefined when it takes longer. */
async function within<Value>(limitMs: number | undefined, work: Promise<Value>): Promise<Value | undefined> {
  if (limitMs === undefined) return work;
  if (limitMs === 0) return undefined;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), limitMs);
    const settle = (value: Value): void => {
      clearTimeout(timer);
      resolve(value);
    };
    work.then(settle, reject);
  });
}

const startRefusals = {
  full: () => errorResponse(529, 'overloaded_error', 'The relay holds as many streams as it may'),
  conflict: () =>
    errorResponse(409, 'conflict_error', 'Idempotency-Key: was used for another request; use a new key'),
  closing: closingResponse,
  busy: () => limitResponse('streams'),
} satisfies Record<Exclude<StartResult['type'], 'started' | 'exists' | 'limited'>, () => RelayResponse>;
