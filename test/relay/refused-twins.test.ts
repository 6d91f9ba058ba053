// Two requests with the same Idempotency-Key at once, the first of which its conversation refuses when its log is there
// already: the second is told the same, and reads nothing that is not in its conversation.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startSimulator } from 'millrace/simulator';
import { MemoryConversations } from 'millrace/storage';
import type { ConversationLimits, NewTurns, PutResult } from 'millrace/storage';
import { startTestRelay } from '../support/relay.ts';
import type { TestRelay } from '../support/relay.ts';
import { turnsUntil } from '../support/turns.ts';

/** Holds what is put from the time that it is told to, until it is let go. */
class HeldConversations extends MemoryConversations {
  waiting = 0;
  #gate = Promise.withResolvers<void>();

  constructor(limits?: Partial<ConversationLimits>) {
    super(limits);
    this.#gate.resolve();
  }

  hold(): () => void {
    this.#gate = Promise.withResolvers();
    return this.#gate.resolve;
  }

  override async put(owner: string, id: string, turns: NewTurns): Promise<PutResult> {
    this.waiting += 1;
    await this.#gate.promise;
    return super.put(owner, id, turns);
  }
}

const json = { 'content-type': 'application/json' };
const kinds = ['application/json', 'text/event-stream'];

const send = ({ url }: TestRelay, accept: string, content = 'echo x'): Promise<Response> =>
  fetch(`${url}/streams`, {
    method: 'POST',
    headers: { ...json, accept, 'idempotency-key': 'k' },
    body: JSON.stringify({ messages: [{ role: 'user', content }], conversation: 'c' }),
  });

async function refusalOf(response: Response): Promise<unknown> {
  const { error } = (await response.json()) as { error: { type: string; details?: { code: string } } };
  return [response.status, error.type, error.details?.code];
}

/** As many as wait for a place among those under way are with the relay. */
const areWithRelay = ({ relay }: TestRelay, count: number): boolean =>
  relay.usage().reduce((sum, { running, waiting }) => sum + running + waiting, 0) === count;

for (const accept of kinds) {
  test(`a twin of a request that its conversation has no room for is refused as well, by ${accept}`, async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const conversations = new HeldConversations({ maxConversationBytes: 200 });
    await using relay = await startTestRelay(simulator.url, { conversations });
    const letGo = conversations.hold();
    const long = 'x'.repeat(200);
    const asked = [accept, ...kinds].map((kind) => send(relay, kind, long));
    await turnsUntil(() => areWithRelay(relay, 3));
    letGo();
    for (const response of await Promise.all(asked))
      assert.deepEqual(await refusalOf(response), [413, 'request_too_large', 'conversation_full']);
    assert.deepEqual([conversations.waiting, simulator.requests.length], [1, 0]);
    assert.deepEqual(await relay.log.held(), { streams: 0, bytes: 0 });
    assert.ok(areWithRelay(relay, 0));
    // The key is free again.
    assert.equal((await send(relay, accept)).status, accept === kinds[0] ? 202 : 200);
    assert.deepEqual(relay.errors, []);
  });

  test(`a twin of a request whose conversation was deleted meanwhile is refused as well, by ${accept}`, async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const conversations = new HeldConversations();
    await using relay = await startTestRelay(simulator.url, { conversations });
    await (
      await fetch(`${relay.url}/chat/stream`, {
        method: 'POST',
        headers: json,
        body: JSON.stringify({ message: 'echo first', conversation: 'c' }),
      })
    ).text();
    const letGo = conversations.hold();
    const asked = [accept, accept].map((kind) => send(relay, kind));
    await turnsUntil(() => areWithRelay(relay, 2));
    const deleted = await fetch(`${relay.url}/conversations/c`, { method: 'DELETE' });
    assert.equal(deleted.status, 204);
    letGo();
    for (const response of await Promise.all(asked))
      assert.deepEqual(await refusalOf(response), [409, 'invalid_request_error', undefined]);
    assert.equal(simulator.requests.length, 1);
    assert.deepEqual(await relay.log.held(), { streams: 0, bytes: 0 });
  });
}

test('a twin of a request that its conversation takes waits for that, and reads the same answer', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const conversations = new HeldConversations();
  await using relay = await startTestRelay(simulator.url, { conversations });
  const letGo = conversations.hold();
  const asked = [1, 2].map(() => send(relay, 'text/event-stream'));
  await turnsUntil(() => areWithRelay(relay, 2));
  letGo();
  const [one, two] = await Promise.all(asked);
  assert.equal(one?.headers.get('x-stream-id'), two?.headers.get('x-stream-id'));
  assert.match((await two?.text()) ?? '', /message_stop/);
  await one?.text();
  assert.equal(simulator.requests.length, 1);
});
