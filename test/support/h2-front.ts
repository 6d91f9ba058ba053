// What many relays stand behind: a server that speaks HTTP/2 with browsers, and HTTP/1.1 with the relay.

import { createSecureServer } from 'node:http2';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';
import { createSelfSigned } from './self-signed.ts';

export interface H2Front extends AsyncDisposable {
  readonly origin: string;
}

/** Passes on whatever is asked for to the server at `target`, by its own name and without a word of the page. */
export async function startH2Front(target: string): Promise<H2Front> {
  const sessions = new Set<{ destroy(): void }>();
  const server = createSecureServer(createSelfSigned(), (request, response) => {
    const headers = Object.entries(request.headers).filter(
      ([name]) => !name.startsWith(':') && !['host', 'origin', 'referer'].includes(name),
    );
    const options = { method: request.method, headers: Object.fromEntries(headers) };
    const onward = httpRequest(target + request.url, options, (answer) => {
      const { connection: _, 'keep-alive': __, 'transfer-encoding': ___, ...answered } = answer.headers;
      response.writeHead(answer.statusCode ?? 502, answered);
      pipeline(answer, response, () => undefined);
    });
    pipeline(request, onward, () => undefined);
    response.once('close', () => onward.destroy());
  });
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    origin: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
