// reliability, section 4, the row “Tool results/stop”: the relay runs no tool. A call goes to who asked, and only a
// client's next request says what came of it.

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { StreamEvent } from 'millrace/protocol';
import { findImports } from '../../../scripts/imports.ts';
import { cleanEnd, startRawServer, streamResponse } from '../../support/raw-server.ts';
import type { RawAnswer } from '../../support/raw-server.ts';
import { messageStart, sse, textEvents, toolEvents } from '../../support/streams.ts';
import { turnsUntil } from '../../support/turns.ts';
import { ann, as, post, question, startKeyedRelay } from './keyed-relay.ts';

const call = toolEvents(0, '{"place": ', '"Oslo"}');
const ends: readonly StreamEvent[] = [
  {
    type: 'message_delta',
    delta: { stop_reason: 'tool_use', stop_sequence: null },
    usage: { output_tokens: 9 },
  },
  { type: 'message_stop' },
];
const whole: RawAnswer = {
  bytes: streamResponse(sse(messageStart, ...call, ...ends)) + cleanEnd,
  then: 'fin',
};
const cut: RawAnswer = { bytes: streamResponse(sse(messageStart, ...call.slice(0, 2))), then: 'rst' };
const text: RawAnswer = {
  bytes: streamResponse(sse(messageStart, ...textEvents(0, 'No tool'), ...ends)) + cleanEnd,
  then: 'fin',
};
const tools = [{ name: 'get_weather', input_schema: { type: 'object' } }];
const events = { ...as(ann), accept: 'text/event-stream' };
const allow = { fields: ['tools'] };

const routes: readonly (readonly [path: string, body: object])[] = [
  ['/v1/messages', { model: 'claude-sonnet-5', max_tokens: 9, tools, stream: true, ...question('Weather?') }],
  ['/streams', question('Weather?', { tools })],
  ['/chat/stream', { message: 'Weather?' }],
  [
    '/api/chat',
    { id: 'c', tools, messages: [{ id: 'm', role: 'user', parts: [{ type: 'text', text: 'Weather?' }] }] },
  ],
];

for (const [path, body] of routes) {
  test(`Tools: a call by ${path} ends the answer, and nothing is asked of upstream before the client does`, async () => {
    await using upstream = await startRawServer(() => whole);
    await using relay = await startKeyedRelay(upstream.url, { allow });
    const response = await post(relay.url + path, body, events);
    const said = await response.text();
    assert.match(said, path === '/chat/stream' ? /"stop_reason":"tool_use"/ : /get_weather/);
    await turnsUntil(() => relay.relay.usage().every(({ running }) => running === 0));
    assert.equal(upstream.requests.length, 1);
    assert.equal((await relay.log.held()).streams, 1);
  });

  test(`Tools: a call by ${path} that breaks off is never taken for a whole one, nor answered`, async () => {
    let asked = 0;
    await using upstream = await startRawServer(() => ((asked += 1) === 1 ? cut : text));
    await using relay = await startKeyedRelay(upstream.url, { allow });
    const said = await (await post(relay.url + path, body, events)).text();
    assert.doesNotMatch(said, /tool-input-available|"Oslo"/);
    await turnsUntil(() => relay.relay.usage().every(({ running }) => running === 0));
    for (const request of upstream.requests) assert.doesNotMatch(request, /tool_result|toolu_0/);
  });
}

test('Tools: no module of the relay can run a program, a thread, or text as code', () => {
  const root = join(import.meta.dirname, '../../..');
  const files = globSync('src/relay/**/*.ts', { cwd: root });
  assert.ok(files.length > 50, `${files.length} files`);
  for (const file of files) {
    const source = readFileSync(join(root, file), 'utf8');
    const imports = findImports(file, source).map(({ specifier = 'a computed path' }) => specifier);
    const dangerous = imports.filter((name) =>
      /child_process|worker_threads|vm$|cluster|computed/.test(name),
    );
    assert.deepEqual(dangerous, [], file);
    assert.doesNotMatch(source, /\beval\(|new Function\(|\brunTools\b/, file);
  }
});
