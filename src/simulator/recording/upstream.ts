// Where the recorder passes requests on to, on node:http as the client does: no time limits of its own, and the
// proxies of the environment. A connection for each request, so that none can break for what another one did.

import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

export interface Upstream {
  /** Scheme, host and port. */
  readonly origin: string;
  /** Begins the same request there; its body is to be written by the caller. */
  open(request: IncomingMessage): ClientRequest;
  close(): void;
}

/** Throws a RangeError for what is no address of an API. */
export function openUpstream(address: string, env: NodeJS.ProcessEnv): Upstream {
  const base = URL.parse(address);
  if (
    base === null ||
    !/^https?:$/.test(base.protocol) ||
    base.username + base.password + base.search !== ''
  ) {
    throw new RangeError(
      'Cannot record: upstream must be an http or https URL without user, password and query',
    );
  }
  const options = { proxyEnv: env };
  const plain = new HttpAgent(options);
  const secure = new HttpsAgent(options);
  const basePath = base.pathname.replace(/\/+$/, '');
  return {
    origin: base.origin,
    open: (request) => {
      const url = new URL(base.origin);
      const path = basePath + request.url;
      const all = { method: request.method, headers: { ...passedOn(request), host: base.host }, path };
      return url.protocol === 'https:'
        ? httpsRequest(url, { ...all, agent: secure })
        : httpRequest(url, { ...all, agent: plain });
    },
    close: () => {
      plain.destroy();
      secure.destroy();
    },
  };
}

/** RFC 9110, 7.6.1, and what only counts for the connection with a proxy. */
const hopByHop = new Set([
  'connection',
  'expect',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** The headers of a message that are not of its connection, with their names as they were written. */
export function passedOn({ rawHeaders, headers }: IncomingMessage): OutgoingHttpHeaders {
  const named = new Set((headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase()));
  const result: Record<string, string[]> = {};
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const [name = '', value = ''] = rawHeaders.slice(index, index + 2);
    const lower = name.toLowerCase();
    if (hopByHop.has(lower) || named.has(lower) || lower === 'host') continue;
    (result[name] ??= []).push(value);
  }
  return Object.fromEntries(
    Object.entries(result).map(([name, values]) => [name, values.length === 1 ? values[0] : values]),
  );
}
