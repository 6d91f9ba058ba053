// What `create` and `countTokens` return: a promise that can also hand over the response.

import { quiet } from './quiet.ts';
import { responseOf } from './response-of.ts';
import { requestIdOf } from './transport.ts';
import type { TransportResponse } from './transport.ts';

/** What was asked for, beside the response that it came in. */
export interface WithResponse<Data> {
  data: Data;
  /** Status and headers; the body is `data`. */
  response: Response;
  /** The server's name for the request. */
  request_id: string | undefined;
  workspace_id: string | undefined;
}

export interface ApiPromise<Data> extends Promise<Data> {
  withResponse(): Promise<WithResponse<Data>>;
  /** The response as it came. Of a stream the bytes are not read yet: whoever takes them so has no limits of time,
   * no recovery and no events. Of a whole message the body is its JSON. */
  asResponse(): Promise<Response>;
}

export interface Answered<Data> {
  readonly data: Data;
  readonly response: TransportResponse;
  /** Gives the body away. */
  takeResponse(): Response;
}

export function toApiPromise<Data>(answered: Promise<Answered<Data>>): ApiPromise<Data> {
  // Whichever of the promises is asked for tells of a failure.
  return Object.assign(quiet(answered.then(({ data }) => data)), {
    withResponse: () =>
      quiet(answered.then(({ data, response }) => ({ data, ...describeResponse(response) }))),
    asResponse: () => quiet(answered.then((each) => each.takeResponse())),
  });
}

export function describeResponse(
  response: TransportResponse,
): Pick<WithResponse<unknown>, 'response' | 'request_id' | 'workspace_id'> {
  return {
    response: responseOf(response),
    request_id: requestIdOf(response),
    workspace_id: response.headers.get('anthropic-workspace-id') ?? undefined,
  };
}
