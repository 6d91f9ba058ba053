// `GET /metrics`: the figures, for who watches the relay.

import { localCaller } from '../access/caller.ts';
import { errorResponse } from '../http.ts';
import type { RelayRequest, RelayResponse } from '../http.ts';
import type { RouteContext } from '../route-context.ts';

export async function getMetrics(
  _request: RelayRequest,
  { caller, metricsPage }: RouteContext,
): Promise<RelayResponse> {
  if (metricsPage === undefined) return errorResponse(404, 'not_found_error', 'Not found');
  // They tell of everybody.
  if (!caller.isOperator && caller !== localCaller)
    return errorResponse(403, 'permission_error', 'The figures are for the operator');
  const { contentType, text } = await metricsPage();
  return { status: 200, headers: { 'content-type': contentType, 'cache-control': 'no-store' }, body: text };
}
