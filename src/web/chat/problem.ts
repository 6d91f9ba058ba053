// What went wrong with an answer, as plain data: it is shown, and kept over a reload.

import { ApiError } from '../../protocol/index.ts';
import { FollowError } from '../errors.ts';
import { strings } from '../strings.ts';

type ProblemCode = keyof typeof strings.problems;

export interface Problem {
  readonly code: ProblemCode;
  /** What the server, or the error found here, says itself. */
  readonly message: string;
  readonly requestId?: string | undefined;
  /** Before then it is of no use to try again; milliseconds since 1970. */
  readonly retryAtMs?: number | undefined;
}

export function toProblem(error: unknown, nowMs: number): Problem {
  if (error instanceof ApiError) return problemOfApi(error, nowMs);
  if (!(error instanceof Error)) return { code: 'other', message: String(error) };
  if (error instanceof FollowError) return { code: error.code, message: error.message };
  return { code: error.name === 'ProtocolError' ? 'broken_stream' : 'other', message: error.message };
}

function problemOfApi({ type, message, details, requestId, retryAfterMs }: ApiError, nowMs: number): Problem {
  return {
    // The relay's own endings are of the type api_error and say more in their details.
    code: [detailCode(details), type].find(isProblemCode) ?? 'other',
    message,
    requestId,
    retryAtMs: retryAfterMs === undefined ? undefined : nowMs + retryAfterMs,
  };
}

/** Whether the error says that somebody stopped the stream. */
export function isStop(error: unknown): boolean {
  return error instanceof ApiError && detailCode(error.details) === 'stopped';
}

/** What the relay says of an error in its details. */
export function detailCode(details: unknown): unknown {
  return typeof details === 'object' && details !== null && 'code' in details ? details.code : undefined;
}

export function isProblemCode(code: unknown): code is ProblemCode {
  return typeof code === 'string' && Object.hasOwn(strings.problems, code);
}
