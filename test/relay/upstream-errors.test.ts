// What readers are told of an error that upstream says in place of an answer.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { askRelay, params } from '../support/ask-relay.ts';
import { startRawServer } from '../support/raw-server.ts';
import type { RawAnswer } from '../support/raw-server.ts';
import { startTestRelay } from '../support/relay.ts';
import type { TestRelay } from '../support/relay.ts';

const key = 'sk-canary-0123456789';
const noRetries = { retry: { maxRetries: 0 } };

function failing(status: number, body: string): RawAnswer {
  const head = `HTTP/1.1 ${status} Error\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
  return { bytes: `${head}\r\n\r\n${body}`, then: 'hold' };
}

const errorBody = (type: string, message: string): string =>
  JSON.stringify({ type: 'error', error: { type, message }, request_id: 'req_1' });

/** Begins an answer without waiting for upstream; resolves with its end as each format says it. */
async function endsOf(relay: TestRelay): Promise<readonly string[]> {
  const { id } = (await (await askRelay(relay, '/streams', { headers: { accept: '*/*' } })).json()) as {
    id: string;
  };
  const read = async (format: string): Promise<string> =>
    (await fetch(`${relay.url}/streams/${id}?format=${format}`)).text();
  const formats = ['messages', 'text', 'ui', 'ndjson', 'log'];
  const texts = await Promise.all(formats.map(read));
  return [...texts, await (await fetch(`${relay.url}/streams/${id}`)).text()];
}

test('an answer that upstream refuses ends with the type and the message of its error, in every format', async () => {
  for (const [status, type, message] of [
    [404, 'not_found_error', 'model: claude-9'],
    [529, 'overloaded_error', 'Overloaded'],
    [400, 'a_new_error', 'Nothing "of" that'],
  ] as const) {
    await using upstream = await startRawServer(() => failing(status, errorBody(type, message)));
    await using relay = await startTestRelay(upstream.url, { calls: noRetries });
    for (const text of await endsOf(relay)) {
      assert.ok(text.includes(JSON.stringify(message)), text);
      assert.ok(text.includes(type), text);
    }
    assert.deepEqual(relay.errors, []);
  }
});

const elsewhere = 'HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n';
const page = (status: number, body: string): string =>
  `HTTP/1.1 ${status} Status\r\ncontent-type: text/html\r\ncontent-length: ${body.length}\r\n\r\n${body}`;

test('what upstream says without the API’s words is for programs: pages are told the status, whatever came', async () => {
  for (const maxRetries of [0, 1])
    for (const [bytes, status, told] of [
      [page(502, '<h1>canary</h1>'), 502, /HTTP 502/],
      [page(502, '{"error": {"message": "canary"}}'), 502, /HTTP 502/],
      [page(500, '{"detail": "canary"}'), 500, /HTTP 500/],
      [page(200, '<h1>canary</h1>'), 502, /answered 200 with text\/html, not an event stream/],
      [elsewhere, 502, /answered 302 with no content type, not an event stream/],
    ] as const) {
      await using upstream = await startRawServer(() => ({ bytes, then: 'hold' }));
      await using relay = await startTestRelay(upstream.url, {
        calls: { retry: { maxRetries, maxDelayMs: 0 } },
      });
      for (const text of await endsOf(relay)) {
        assert.match(text, told);
        assert.doesNotMatch(text, /canary/);
      }
      for (const path of ['/streams', '/chat/stream']) {
        const response = await askRelay(relay, path);
        assert.equal(response.status, status);
        assert.equal(response.headers.get('content-type'), 'application/json');
        assert.doesNotMatch(await response.text(), /canary/);
      }
      const program = await askRelay(relay, '/v1/messages');
      assert.deepEqual(
        [program.status, (await program.text()).includes('canary')],
        [status, bytes !== elsewhere],
      );
    }
});

test('of the headers of an error pages get its name and when to come back, and programs all that are the API’s', async () => {
  const { bytes } = failing(429, errorBody('rate_limit_error', 'Too fast'));
  const more =
    'request-id: req_7\r\nretry-after: 9\r\nanthropic-organization-id: canary\r\nset-cookie: a=canary\r\n';
  const said = String(bytes).replace('\r\n', `\r\n${more}`);
  await using upstream = await startRawServer(() => ({ bytes: said, then: 'hold' }));
  await using relay = await startTestRelay(upstream.url, { calls: noRetries });
  for (const path of ['/streams', '/chat/stream', '/v1/messages']) {
    const { status, headers } = await askRelay(relay, path);
    assert.equal(status, 429);
    assert.deepEqual(
      ['request-id', 'retry-after', 'content-type', 'anthropic-organization-id', 'set-cookie'].map((name) =>
        headers.get(name),
      ),
      ['req_7', '9', 'application/json', path === '/v1/messages' ? 'canary' : null, null],
    );
  }
});

test('pages are told when to come back as upstream said it, however often it was asked', async () => {
  for (const body of [errorBody('overloaded_error', 'Overloaded'), '<h1>Busy</h1>'])
    for (const fallback of [[], ['claude-haiku-4-5']]) {
      const { bytes } = failing(529, body);
      const busy = String(bytes).replace('\r\n', '\r\nretry-after: 1\r\n');
      await using upstream = await startRawServer(() => ({ bytes: busy, then: 'hold' }));
      await using relay = await startTestRelay(upstream.url, {
        calls: { retry: { maxRetryAfterMs: 0 }, fallback },
      });
      const response = await askRelay(relay, '/chat/stream');
      assert.deepEqual([response.status, response.headers.get('retry-after')], [529, '1']);
      assert.equal(upstream.requests.length, fallback.length + 1);
    }
});

test('the relay’s key is in no error that is passed on, though upstream says it', async () => {
  const said = errorBody('authentication_error', `${key} is not sound: ${key}`);
  await using upstream = await startRawServer(() => failing(500, said));
  await using relay = await startTestRelay(upstream.url, {
    upstream: { apiKey: key },
    calls: { retry: { maxRetries: 1, maxDelayMs: 0 } },
  });
  const texts = [...(await endsOf(relay))];
  for (const path of ['/v1/messages', '/streams', '/chat/stream'])
    texts.push(await (await askRelay(relay, path)).text());
  for (const path of ['/v1/messages', '/v1/messages/count_tokens'])
    texts.push(await (await askRelay(relay, path, { body: { ...params, stream: false } })).text());
  texts.push(await (await fetch(`${relay.url}/v1/models`)).text());
  for (const text of texts) {
    assert.match(text, /\*\*\* is not sound: \*\*\*/);
    assert.ok(!text.includes(key), text);
  }
  assert.ok(upstream.requests.every((request) => request.includes(key)));
});

test('an empty answer in place of a stream is a 502 also where it was asked for again', async () => {
  const bytes = 'HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n';
  await using upstream = await startRawServer(() => ({ bytes, then: 'hold' }));
  await using relay = await startTestRelay(upstream.url, {
    calls: { retry: { maxRetries: 1, maxDelayMs: 0 } },
  });
  for (const path of ['/streams', '/chat/stream']) {
    const response = await askRelay(relay, path);
    assert.equal(response.status, 502);
    assert.match(await response.text(), /answered 200 with no content type, not an event stream/);
  }
  assert.equal(upstream.requests.length, 4);
});
