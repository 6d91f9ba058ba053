// What every door of the relay does, whatever server it stands in: requests go in and responses come out as the
// relay's core means them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SseDecoder } from 'millrace/protocol';
import { startSimulator } from 'millrace/simulator';
import { cleanEnd, startRawServer, streamResponse } from '../support/raw-server.ts';
import { messageEnd, messageStart, sse, textEvents } from '../support/streams.ts';
import { turnsUntil } from '../support/turns.ts';

export interface Door extends AsyncDisposable {
  /** Sends a request to a path of the relay, as `fetch` does. */
  ask(path: string, init?: RequestInit): Promise<Response>;
}

const json = { 'content-type': 'application/json', 'anthropic-version': '2023-06-01' };
const events = { ...json, accept: 'text/event-stream' };
const question = (content: string, more: object = {}) =>
  JSON.stringify({
    model: 'claude-sonnet-5',
    max_tokens: 2000,
    messages: [{ role: 'user', content }],
    ...more,
  });
const streamed = (content: string): RequestInit => ({
  method: 'POST',
  headers: json,
  body: question(content, { stream: true }),
});
const cut = sse(messageStart, ...textEvents(0, 'Hel', 'lo').slice(0, 3));

interface ErrorBody {
  readonly error: { readonly type: string };
}

/** Runs the suite on a door, given what opens one in front of an upstream. */
export function testRelayDoor(name: string, open: (baseURL: string) => Promise<Door>): void {
  void test(`${name} gives frames byte for byte, with upstream’s headers and those that stop proxies from buffering`, async () => {
    const body = sse(messageStart, { type: 'ping' }, ...textEvents(0, 'für', ' 水車\n'), ...messageEnd);
    await using upstream = await startRawServer(() => ({
      bytes: streamResponse(body) + cleanEnd,
      then: 'fin',
    }));
    await using door = await open(upstream.url);
    const response = await door.ask('/v1/messages?beta=true', streamed('x'));
    assert.equal(await response.text(), body);
    assert.match(upstream.requests[0] ?? '', /^POST \/v1\/messages\?beta=true HTTP\/1.1\r\n/);
    assert.deepEqual(
      ['content-type', 'cache-control', 'x-accel-buffering', 'request-id'].map((header) =>
        response.headers.get(header),
      ),
      ['text/event-stream; charset=utf-8', 'no-store, no-transform', 'no', 'req_test'],
    );
  });

  void test(`${name} gives whole replies, errors of upstream and errors of its own with their status`, async () => {
    await using upstream = await startSimulator({ speed: 0 });
    await using door = await open(upstream.url);
    const whole = await door.ask('/v1/messages', {
      method: 'POST',
      headers: json,
      body: question('echo hi'),
    });
    assert.equal(whole.status, 200);
    assert.match(await whole.text(), /"text": ?"hi"/);
    const cases: [path: string, init: RequestInit, status: number, type: string][] = [
      ['/v1/models/none', { headers: json }, 404, 'not_found_error'],
      ['/v1/nothing', {}, 404, 'not_found_error'],
      ['/streams/none', {}, 404, 'not_found_error'],
      ['/v1/messages', {}, 405, 'invalid_request_error'],
      ['/v1/messages', { method: 'POST', headers: json, body: '{' }, 400, 'invalid_request_error'],
      ['/streams', { method: 'POST', body: '{}' }, 415, 'invalid_request_error'],
      [
        '/healthz',
        { headers: { host: 'evil.example', origin: 'https://evil.example' } },
        403,
        'permission_error',
      ],
    ];
    for (const [path, init, status, type] of cases) {
      const response = await door.ask(path, init);
      assert.equal(response.status, status, path);
      assert.equal(((await response.json()) as ErrorBody).error.type, type, path);
    }
    const head = await door.ask('/healthz', { method: 'HEAD' });
    assert.deepEqual([head.status, await head.text()], [200, '']);
  });

  void test(`${name} reads no more of a body than it may have, whether or not its length is told`, async () => {
    await using door = await open('http://127.0.0.1:9');
    const large = 'x'.repeat(1024 * 1024 + 1);
    const pieces = (): ReadableStream => new Blob([large]).stream();
    for (const init of [{ body: large }, { body: pieces(), duplex: 'half' }] as RequestInit[]) {
      const response = await door.ask('/streams', { method: 'POST', headers: json, ...init });
      assert.equal(response.status, 413);
      assert.equal(((await response.json()) as ErrorBody).error.type, 'request_too_large');
    }
  });

  void test(`${name} resumes a stream after any id, and answers 204 after its last`, async () => {
    await using upstream = await startSimulator({ speed: 0 });
    await using door = await open(upstream.url);
    const response = await door.ask('/streams', {
      method: 'POST',
      headers: events,
      body: question('markdown'),
    });
    const path = `/streams/${response.headers.get('x-stream-id')}`;
    const decoder = new SseDecoder();
    const frames = [...decoder.push(await response.text()), ...decoder.end()];
    const resume = (id: string | undefined) =>
      door.ask(path, { headers: { ...events, 'last-event-id': id ?? '' } });
    for (const place of [0, 3, frames.length - 2]) {
      const rest = new SseDecoder();
      const text = await (await resume(frames[place]?.id)).text();
      assert.deepEqual([...rest.push(text), ...rest.end()], frames.slice(place + 1));
    }
    const done = await resume(frames.at(-1)?.id);
    assert.deepEqual([done.status, await done.text()], [204, '']);
  });

  void test(`${name} closes the upstream call when its client leaves, before the first byte and after it`, async () => {
    for (const bytes of ['', streamResponse(cut)]) {
      await using upstream = await startRawServer(() => ({ bytes, then: 'hold' }));
      await using door = await open(upstream.url);
      const leaving = new AbortController();
      const asked = door.ask('/v1/messages', { ...streamed('x'), signal: leaving.signal });
      asked.catch(() => undefined);
      if (bytes === '') await turnsUntil(() => upstream.requests.length > 0);
      else await (await asked).body?.getReader().read();
      leaving.abort();
      await upstream.clientLeft();
    }
  });

  void test(`${name} closes the upstream call when the body of its response is cancelled`, async () => {
    await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
    await using door = await open(upstream.url);
    const reader = (await door.ask('/v1/messages', streamed('x'))).body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await upstream.clientLeft();
  });

  void test(`${name} gives every reader of a stream that is stopped its ending`, async () => {
    await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
    await using door = await open(upstream.url);
    const response = await door.ask('/streams', { method: 'POST', headers: events, body: question('x') });
    const path = `/streams/${response.headers.get('x-stream-id')}`;
    const other = await door.ask(path, { headers: events });
    await (await door.ask(`${path}/stop`, { method: 'POST' })).text();
    for (const reader of [response, other]) assert.match(await reader.text(), /"code":"stopped"/);
  });
}
