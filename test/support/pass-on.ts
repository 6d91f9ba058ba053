// A request that is answered by another server: byte for byte, and broken off where that breaks off.

import { request as httpRequest } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream';

/** Asks the server at `target` for the same path, by its own name and without a word of the page that asks. */
export function passOn(request: IncomingMessage, response: ServerResponse, target: string): void {
  const { method, headers, url = '' } = request;
  const { host: _, origin: __, referer: ___, ...rest } = headers;
  const onward = httpRequest(target + url, { method, headers: rest }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    pipeline(answer, response, () => undefined);
  });
  pipeline(request, onward, () => undefined);
}
