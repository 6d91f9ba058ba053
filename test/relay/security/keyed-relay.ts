// A relay with keys, and what its clients send.

import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import type { AccessOptions } from 'millrace/relay';
import { startTestRelay } from '../../support/relay.ts';
import type { TestRelay, TestRelayOptions } from '../../support/relay.ts';

export const ann = { id: 'ann', secret: 'ann-0123456789-abcdefghijklmnopqr' };
export const bob = { id: 'bob', secret: 'bob-0123456789-abcdefghijklmnopqr' };
export const boss = { id: 'boss', secret: 'boss-0123456789-abcdefghijklmnopq', operator: true };
/** Of the relay at upstream. */
export const upstreamKey = 'sk-ant-upstream-0123456789';

export const json = { 'content-type': 'application/json' };
export const as = ({ secret }: { secret: string }) => ({ ...json, 'x-api-key': secret });

export const question = (content: string, more: object = {}) => ({
  messages: [{ role: 'user', content }],
  ...more,
});

export function startKeyedRelay(
  baseURL: string,
  access: AccessOptions = {},
  options: TestRelayOptions = {},
): Promise<TestRelay> {
  return startTestRelay(baseURL, {
    ...options,
    access: { keys: [ann, bob, boss], ...access },
    upstream: { apiKey: upstreamKey, ...options.upstream },
  });
}

export function post(url: string, body: unknown, headers: Record<string, string>): Promise<Response> {
  return fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
}

export interface RawReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** A request with any headers: fetch would not let a test set some of them. */
export function ask(
  url: string,
  { method = 'GET', headers = {}, body = '' }: { method?: string; headers?: object; body?: string } = {},
): Promise<RawReply> {
  return new Promise((resolve, reject) => {
    request(url, { method, headers: headers as Record<string, string> }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
      response.on('error', reject);
    })
      .on('error', reject)
      .end(body);
  });
}

/** The first part of the cookie that a response sets: what a browser sends back. */
export function cookieOf(response: Response): string {
  return response.headers.get('set-cookie')?.split(';')[0] ?? '';
}

/** A session of a page of the relay. */
export async function signIn(relay: TestRelay, key: { secret: string }): Promise<string> {
  const headers = { ...json, origin: relay.url };
  return cookieOf(await post(`${relay.url}/session`, { key: key.secret }, headers));
}
