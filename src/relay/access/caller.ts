// Who asks, as far as the relay can tell.

import type { RelayKey } from './access-options.ts';
import type { RelayRequest } from '../http.ts';

export interface Caller {
  /** Whose streams they make and may see. */
  readonly owner: string;
  /** The owner is the id of one of the relay's keys. */
  readonly hasKey?: true | undefined;
  /** Sees the streams of everybody. */
  readonly isOperator: boolean;
  /** The only models they may ask for; undefined for any. */
  readonly models?: readonly string[] | undefined;
  /** What they came by, where it can be signed out: a session, or a token. */
  readonly session?: string | undefined;
}

/** The owner of a relay that nobody checks who asks of. */
export const localCaller: Caller = { owner: 'local', isOperator: false };

export function callerWith({ id, operator = false, models }: RelayKey, session?: string): Caller {
  return { owner: id, hasKey: true, isOperator: operator, models, session };
}

/** Whether they may see a stream; to others it is not there. */
export function maySee({ owner, isOperator }: Caller, stream: { readonly owner: string }): boolean {
  return isOperator || stream.owner === owner;
}

/** Keys are taken from these headers and from nowhere else: an address is seen by others and kept. */
export function presentedKeys({ headers }: RelayRequest): readonly string[] {
  const bearer = headers.get('authorization');
  const token = bearer === undefined ? undefined : (/^Bearer +([!-~]+) *$/i.exec(bearer)?.[1] ?? '');
  return [headers.get('x-api-key'), token].filter((key) => key !== undefined);
}
