// Whatever comes to a route of pages: it is answered, by no error of the relay's own, with nothing of others in it, and
// leaves nothing behind.

import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import fc from 'fast-check';
import type { RelayFigures } from 'millrace/relay';
import { startSimulator } from 'millrace/simulator';
import type { TestRelay } from '../../support/relay.ts';
import { turnsUntil } from '../../support/turns.ts';
import {
  ann,
  as,
  bob,
  boss,
  json,
  post,
  question,
  signIn,
  startKeyedRelay,
  upstreamKey,
} from './keyed-relay.ts';
import { sampleRoutes } from './sample-routes.ts';

const secret = 'canary-of-ann';

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Leaves when the answer begins. */
  readonly leaves: boolean;
}

/** Resolves with the status and the text; undefined where the connection was closed without a word. */
function send(url: string, { method, path, headers, body, leaves }: Asked): Promise<string | undefined> {
  return new Promise((resolve) => {
    const asking = request(url, { path, method, headers }, (response) => {
      let text = `${response.statusCode} ${JSON.stringify(response.headers)}`;
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
        if (leaves) response.destroy();
      });
      response.on('error', () => undefined);
      response.on('close', () => resolve(text));
    });
    asking.on('error', () => resolve(undefined));
    asking.end(method === 'GET' || method === 'HEAD' ? undefined : body);
  });
}

const oddIds = [
  '',
  'x',
  '..',
  '%',
  '%zz',
  '%00',
  '%2e%2e',
  'a%2Fb',
  '__proto__',
  'constructor',
  '%ff%fe',
  '%ED%A0%80',
  '%0d%0aset-cookie:a=b',
  '1-1',
  '-1',
  '*',
  'plans',
  '%F0%9F%92%A9',
  'a'.repeat(5000),
];
const odd = fc.constantFrom(...oddIds);
const routes = sampleRoutes.filter(({ path }) => !path.startsWith('/v1/'));
const beginning = routes.filter(({ path }) => /^\/(?:streams|chat\/stream|api\/chat)$/.test(path));
const queries = [
  '',
  '?format=ui',
  '?format=log',
  '?format=x',
  '?after=1-1',
  '?after=x',
  '?limit=0',
  '?limit=9&after=5.c',
  '?%',
  '?v=7',
];

const oddWords = [
  'type',
  'text',
  'role',
  'user',
  'assistant',
  'content',
  'id',
  'parts',
  'messages',
  'source',
  'url',
  'data',
  'tool_use',
  'tool_use_id',
  'input',
  'output',
  'state',
  'output-available',
  'toolCallId',
  'file',
  'mediaType',
  'image/png',
  'block',
  'data:,%E0%A4%A',
  'data:image/png;base64,####',
  'https://evil.example/',
  '__proto__',
  '\0',
  '\ud800',
  'x',
];
const words = fc.constantFrom(...oddWords);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.oneof(words, fc.constantFrom(null, true, 0, -1, 1e308, 2 ** 53)),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(words, tie('value'), { maxKeys: 5 }),
  ),
}));
const parts = fc.array(
  fc.oneof(
    fc.constant({ type: 'text', text: 'echo hi' }),
    fc.record({
      type: fc.constantFrom('file', 'dynamic-tool', 'tool-x', 'reasoning', 'data-block'),
      url: value,
      input: value,
    }),
    value,
  ),
  { maxLength: 3 },
);
const fields = fc.record(
  {
    id: fc.oneof(fc.constant('c'), value),
    messages: fc.oneof(
      fc.constant(question('echo hi').messages),
      fc.array(fc.record({ role: words, parts, content: value }), { maxLength: 3 }),
      value,
    ),
    message: fc.oneof(fc.constant('echo hi'), value),
    conversation: fc.oneof(fc.constantFrom(null, 'c', 'plans'), value),
    parent: value,
    onDisconnect: fc.constantFrom('stop', 'continue', 5),
    title: value,
    head: value,
    key: value,
    token: value,
  },
  { requiredKeys: [] },
);
/** In place of fields that the route takes, or beside them. */
const overlay = fc.oneof(
  fc.constant({}),
  fc.record({ conversation: fc.constantFrom(null, 'c', 'plans') }),
  fc.record({ onDisconnect: fc.constantFrom('stop', 'continue') }),
  fields,
);
const bodies = fc.oneof(
  { weight: 8, arbitrary: fields.map((each) => JSON.stringify(each)) },
  {
    weight: 1,
    arbitrary: fc.oneof(
      value.map((each) => JSON.stringify(each)),
      fc.string(),
      fc.constant('['.repeat(9999)),
    ),
  },
);

/** Bob, by his key or by his session, or somebody who has neither. */
const whoAsks = (cookie: string, origin: string) =>
  fc.constantFrom<Record<string, string>>(
    as(bob),
    { ...json, cookie, origin },
    { ...json, cookie: `=;;;millrace_session;__Host-millrace_session=x; ${cookie}`, origin },
    { ...json, cookie: `millrace_session=${'A'.repeat(43)}.9999999999999.${'B'.repeat(16)}.__proto__` },
    { ...json, authorization: 'Bearer e30.e30.e30' },
    {},
  );
const more = fc.record(
  {
    accept: fc.constantFrom('text/event-stream', 'application/x-ndjson', '*/*', ''),
    'content-type': fc.constantFrom('application/json', 'application/json;;', 'text/plain', ''),
    'last-event-id': fc.constantFrom('1-1', '0-0', '-1', '9007199254740993-1', ''),
    'idempotency-key': fc.constantFrom('k', '', '__proto__', 'x'.repeat(256)),
    host: fc.constantFrom('localhost', '', 'evil', '127.0.0.1.', '[::1', 'localhost@evil', 'a,b', '127.1'),
    origin: fc.constantFrom('null', 'https://evil.example', ''),
    'sec-fetch-site': fc.constantFrom('cross-site', 'none', 'x'),
  },
  { requiredKeys: [] },
);

function anyRequest(cookie: string, { url }: TestRelay, ids: readonly string[]): fc.Arbitrary<Asked> {
  const place = fc.tuple(
    fc.oneof(fc.constantFrom(...routes), fc.constantFrom(...beginning)),
    fc.oneof(odd, fc.constantFrom(...ids)),
    fc.constantFrom(...queries),
  );
  const method = fc.option(
    fc.constantFrom('GET', 'HEAD', 'POST', 'PATCH', 'DELETE', 'PUT', 'OPTIONS', 'TRACE'),
    { freq: 5 },
  );
  const headers = fc.tuple(whoAsks(cookie, url), fc.option(more, { freq: 2 }));
  const body = fc.tuple(bodies, fc.option(overlay, { freq: 2 }));
  return fc
    .tuple(place, method, headers, body, fc.boolean())
    .map(([[route, id, query], other, [who, oddHeaders], [anything, over], leaves]) => ({
      method: other ?? route.method,
      path: route.path.replace('none', id) + query,
      headers: { ...who, ...oddHeaders },
      body: over === null ? anything : JSON.stringify({ ...route.body, ...over }),
      leaves,
    }));
}

test('Anything that comes to a route of pages is answered, tells nothing of others, and leaves nothing behind', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const watched = Promise.withResolvers<RelayFigures>();
  await using relay = await startKeyedRelay(
    simulator.url,
    { limits: { concurrent: Infinity } },
    { telemetry: [{ watch: (figures) => watched.resolve(figures) }] },
  );
  const cookie = await signIn(relay, bob);
  const begun = await post(
    `${relay.url}/streams`,
    question(`echo ${secret}`, { conversation: 'plans' }),
    as(ann),
  );
  const { id } = (await begun.json()) as { id: string };
  const anns = [id, 'plans'];
  const statuses = new Set<string>();
  // By chance alone hardly a request is one that begins an answer.
  const plain = routes.map(({ method, path, body }) => ({
    method,
    path,
    headers: as(bob),
    body: JSON.stringify(body),
    leaves: false,
  }));
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyRequest(cookie, relay, anns), { minLength: 8, maxLength: 8 }),
      async (all) => {
        const texts = await Promise.all(all.map((asked) => send(relay.url, asked)));
        for (const [index, text = ''] of texts.entries()) {
          statuses.add(text.slice(0, 3));
          assert.doesNotMatch(text, /^5|Internal server error/, JSON.stringify(all[index]));
          for (const told of [secret, ann.secret, bob.secret, boss.secret, upstreamKey])
            assert.ok(!text.includes(told), `${told}: ${JSON.stringify(all[index])}`);
        }
      },
    ),
    { numRuns: 200, examples: [[plain]] },
  );
  for (const status of ['200', '202', '400', '401', '404'])
    assert.ok(statuses.has(status), `something was answered ${status}`);
  const figures = await watched.promise;
  await turnsUntil(() => figures.openStreams() + figures.readers() + figures.waiting() === 0);
  assert.deepEqual(relay.errors, []);
  const own = await fetch(`${relay.url}/conversations/plans`, { headers: as(ann) });
  assert.match(await own.text(), new RegExp(secret), 'it was not harmed');
});
