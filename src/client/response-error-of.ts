import { ResponseError } from './errors.ts';
import { requestIdOf } from './transport.ts';
import type { TransportResponse } from './transport.ts';

/** The error of a response whose body, which begins with `text`, is not what was asked for. */
export function responseErrorOf(
  code: ResponseError['code'],
  response: TransportResponse,
  text: string,
): ResponseError {
  return new ResponseError(code, {
    status: response.status,
    contentType: response.headers.get('content-type') ?? undefined,
    excerpt: text.slice(0, 500),
    requestId: requestIdOf(response),
  });
}
