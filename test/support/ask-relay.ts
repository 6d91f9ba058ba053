// A question to a relay, on any of its routes that stream.

export const params = {
  model: 'claude-sonnet-5',
  max_tokens: 900,
  messages: [{ role: 'user', content: 'x' }],
};

export interface Asking {
  /** Beside those that every route needs. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Fields that are other than usual. */
  readonly body?: object;
}

/** Asks for a stream of events. */
export function askRelay(
  { url }: { readonly url: string },
  path = '/streams',
  { headers, body }: Asking = {},
): Promise<Response> {
  const usual = path === '/chat/stream' ? { message: 'x' } : { ...params, stream: true };
  return fetch(url + path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'anthropic-version': '2023-06-01',
      accept: 'text/event-stream',
      ...headers,
    },
    body: JSON.stringify({ ...usual, ...body }),
  });
}

/** Asks until it is not refused for want of room. */
export async function askUntilRoom(ask: () => Promise<Response>): Promise<Response> {
  for (;;) {
    const response = await ask();
    if (response.status !== 429) return response;
    await response.text();
  }
}
