// From a request to its response: who may ask, which route answers, and what an error becomes.

import { ConversationFullError } from './conversations/conversations.ts';
import { OwnerLimitError } from './access/owner-limit-error.ts';
import { preflightResponse, withCrossOrigin } from './access/cross-origin.ts';
import { refusalOf } from './failure.ts';
import { guardRefusal } from './guard.ts';
import { BodyTooLargeError, closingResponse, errorResponse, securityHeaders } from './http.ts';
import type { RelayRequest, RelayResponse } from './http.ts';
import { limitResponse } from './limits.ts';
import { loggedResponse } from './log-line.ts';
import type { RequestLine } from './log-line.ts';
import { ClosingError, RequestError } from './request-error.ts';
import { isStoreFull } from './storage-error.ts';
import type { RouteContext } from './route-context.ts';
import { checkContentType } from './page-request.ts';
import { getAsset } from './routes/page.ts';
import { spoken } from './use-chat/spoken.ts';
import { routeName, routes } from './route-table.ts';
import type { Route } from './route-table.ts';

export interface HandlerOptions {
  readonly onError: (error: unknown) => void;
  readonly onRequest: ((line: RequestLine) => void) | undefined;
  readonly now: () => number;
}

export function createHandler(
  context: RouteContext,
  { onError, onRequest, now }: HandlerOptions,
): (request: RelayRequest) => Promise<RelayResponse> {
  const respond = async (request: RelayRequest): Promise<RelayResponse> => {
    const { rules } = context.access;
    try {
      const response =
        guardRefusal(request, rules) ?? preflightResponse(request, rules) ?? (await route(request, context));
      const headers = { ...securityHeaders, ...response.headers };
      return withCrossOrigin(spoken(request, { ...response, headers }), request, rules);
    } catch (error) {
      return withCrossOrigin(spoken(request, responseTo(error, request, onError)), request, rules);
    }
  };
  if (onRequest === undefined) return respond;
  return async (request) => {
    const startedAt = now();
    const name = routeName(request, context.assets);
    return loggedResponse(
      request,
      { response: await respond(request), route: name, startedAt },
      { onRequest, now },
    );
  };
}

async function route(request: RelayRequest, context: RouteContext): Promise<RelayResponse> {
  // A server sends the head alone of what a HEAD gets.
  const asked = request.method === 'HEAD' ? 'GET' : request.method;
  const here = routes.filter(({ path }) => path.test(request.path));
  const match = here.find(({ method }) => method === asked);
  if (match?.beginsWork && context.draining.aborted) return closingResponse();
  if (match !== undefined) return handleMatch(match, request, context);
  if (here.length > 0) {
    const response = errorResponse(405, 'invalid_request_error', 'Method Not Allowed');
    return {
      ...response,
      headers: { ...response.headers, allow: here.map(({ method }) => method).join(', ') },
    };
  }
  const isPage = asked === 'GET' && !request.path.startsWith('/v1/');
  return isPage ? getAsset(request, context) : errorResponse(404, 'not_found_error', 'Not found');
}

async function handleMatch(
  match: Route,
  request: RelayRequest,
  context: RouteContext,
): Promise<RelayResponse> {
  checkContentType(request);
  const id = match.path.exec(request.path)?.[1] ?? '';
  if (match.isOpen) return match.handle(request, context, id);
  const admission = await context.access.admit(request);
  if (admission.type === 'refused') return admission.response;
  const { caller } = admission;
  if (match.beginsWork) {
    const { accounts } = context.access;
    await accounts.ready();
    accounts.of(caller.owner).countRequest();
  }
  const isPage = !request.path.startsWith('/v1/');
  return match.handle(request, { ...context, caller, isPage }, id);
}

function responseTo(
  error: unknown,
  { signal }: RelayRequest,
  onError: (error: unknown) => void,
): RelayResponse {
  if (error instanceof BodyTooLargeError) return limitResponse('body');
  if (error instanceof RequestError) return errorResponse(error.status, error.code, error.message);
  if (error instanceof OwnerLimitError) return error.response;
  if (error instanceof ClosingError) return closingResponse();
  if (error instanceof ConversationFullError) return limitResponse('conversation');
  // Nobody is there to read it.
  if (signal.aborted) return errorResponse(499, 'api_error', 'The client has gone');
  onError(error);
  if (isStoreFull(error)) return limitResponse('disk');
  return refusalOf(error);
}

type Handle = (request: RelayRequest) => Promise<RelayResponse>;

/** With the requests whose response is not there yet. */
export function counted(handle: Handle): { handle: Handle; handling: ReadonlySet<Promise<RelayResponse>> } {
  const handling = new Set<Promise<RelayResponse>>();
  const counting = async (request: RelayRequest): Promise<RelayResponse> => {
    const handled = handle(request);
    handling.add(handled);
    return handled.finally(() => handling.delete(handled));
  };
  return { handle: counting, handling };
}
