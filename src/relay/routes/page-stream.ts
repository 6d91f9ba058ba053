// The stream of a request that the relay makes on its own account, for a page.

import type { MessagesBody } from '../access/asked.ts';
import type { RelayRequest } from '../http.ts';
import type { RouteContext } from '../route-context.ts';
import { pageCall } from '../stream-call.ts';
import type { StreamStart } from './open-stream.ts';

/** What every page's route says of its stream; `body` is what goes upstream. */
export function pageStream(
  request: RelayRequest,
  { upstream, caller }: Pick<RouteContext, 'upstream' | 'caller'>,
  body: MessagesBody,
): Pick<StreamStart, 'owner' | 'body' | 'call' | 'takeover'> {
  const target = { target: '/v1/messages', headers: upstream.ownHeaders(request) };
  return {
    owner: caller.owner,
    body,
    call: pageCall(JSON.stringify(body), upstream.poster(target)),
    takeover: upstream.takeoverTerms(target),
  };
}
