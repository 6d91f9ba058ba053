// `useChat` with the transport of the example: one answer for it, whatever becomes of connections and relays.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { UIMessage } from 'ai';
import { MemoryStreamLog } from 'millrace/storage';
import type { StreamLog } from 'millrace/storage';
import { createResumingFetch } from '../../examples/use-chat/resuming-fetch.ts';
import { startHeldUpstream } from '../support/held-upstream.ts';
import { cleanEnd, startRawServer, streamResponse } from '../support/raw-server.ts';
import { startTestRelay } from '../support/relay.ts';
import type { TestRelay } from '../support/relay.ts';
import { logWith } from '../support/stream-log.ts';
import { messageEnd, messageStart, sse, textEvents } from '../support/streams.ts';
import { turnsUntil } from '../support/turns.ts';
import { createChat, libraries, metadataOf, textOfParts } from '../support/ui-client.ts';

const own = { upstream: { apiKey: 'sk-own' }, calls: { retry: { maxDelayMs: 0 } } };
const lastingLog = (): StreamLog => logWith(new MemoryStreamLog(), { outlivesProcess: true });

/** A network in front of whichever relay is there. */
class Network {
  /** Undefined for none. */
  relay: TestRelay | undefined;
  /** Who comes when there is none, for the third that asks. */
  coming: Promise<TestRelay> | undefined;
  /** What was asked of it. */
  readonly asked: string[] = [];
  #broken = new AbortController();

  constructor(relay: TestRelay) {
    this.relay = relay;
  }

  /** Breaks what is open. */
  break(): void {
    this.#broken.abort(new TypeError('network error'));
    this.#broken = new AbortController();
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const path = (input as string).replace('http://relay', '');
    this.asked.push(`${init?.method ?? 'GET'} ${path.replace(/\/streams\/[^?]+/, '/streams/id')}`);
    if (this.relay === undefined && this.asked.length > 3) this.relay = await this.coming;
    if (this.relay === undefined) throw new TypeError('fetch failed');
    const response = await fetch(this.relay.url + path, init);
    const { signal } = this.#broken;
    const body = response.body?.pipeThrough(new TransformStream(), { signal }) ?? null;
    return new Response(body, response);
  };
}

function chatOn(network: Network, version: 6 | 7, delaysMs = [0, 0, 0]): ReturnType<typeof createChat> {
  const library = libraries[version];
  const transport = new library.DefaultChatTransport<UIMessage>({
    api: `http://relay/api/chat?v=${version}`,
    fetch: createResumingFetch({ fetch: network.fetch, delaysMs }),
  });
  return createChat(library, { id: 'c', transport });
}

/** As most pages have it. */
function plainChatOn(network: Network, version: 6 | 7): ReturnType<typeof createChat> {
  const library = libraries[version];
  const api = `http://relay/api/chat?v=${version}`;
  const transport = new library.DefaultChatTransport<UIMessage>({ api, fetch: network.fetch });
  return createChat(library, { id: 'c', transport });
}

for (const version of [6, 7] as const) {
  test(`The chat of ai ${version} alone is told by the message of a relay that goes, and sees the rest when it resumes`, async () => {
    const log = lastingLog();
    await using held = await startHeldUpstream();
    const rest = sse(messageStart, ...textEvents(0, ' and the rest'), ...messageEnd);
    await using next = await startRawServer(() => ({ bytes: streamResponse(rest) + cleanEnd, then: 'fin' }));
    await using relay = await startTestRelay(held.server.url, { log, ...own });
    const network = new Network(relay);
    const chat = plainChatOn(network, version);
    const asked = chat.sendMessage({ text: 'x' });
    await turnsUntil(() => textOfParts(chat.lastMessage) === 'Half');
    await relay.server.close({ handOver: true });
    await asked;
    const [end] = chat.ends;
    const { ending } = metadataOf(chat.lastMessage) as { ending: { code: string } };
    assert.deepEqual([chat.status, end?.isDisconnect, ending.code], ['error', false, 'interrupted']);
    await using other = await startTestRelay(next.url, { log, ...own });
    network.relay = other;
    await chat.resumeStream();
    assert.equal(textOfParts(chat.lastMessage), 'Half and the rest');
    assert.deepEqual([chat.status, chat.error, chat.messages.length], ['ready', undefined, 2]);
  });

  describe(`The chat of ai ${version} with a fetch that resumes`, () => {
    test('shows an answer whose connection broke as one, without a word twice or an error', async () => {
      await using held = await startHeldUpstream();
      await using relay = await startTestRelay(held.server.url, own);
      const network = new Network(relay);
      const chat = chatOn(network, version);
      const asked = chat.sendMessage({ text: 'x' });
      await turnsUntil(() => textOfParts(chat.lastMessage) === 'Half');
      network.break();
      await turnsUntil(() => network.asked.length === 2);
      held.goOn();
      await asked;
      assert.equal(textOfParts(chat.lastMessage), 'Half and half');
      assert.deepEqual([chat.status, chat.error, chat.messages.length], ['ready', undefined, 2]);
      assert.deepEqual(network.asked, [
        `POST /api/chat?v=${version}`,
        `GET /streams/id?format=ui&v=${version}`,
      ]);
      assert.equal(held.server.requests.length, 1);
    });

    test('shows an answer whose relay is replaced in its middle as one, also where the next one comes late', async () => {
      const log = lastingLog();
      const begun = sse(messageStart, ...textEvents(0, 'The wheel ', 'turns').slice(0, -1));
      const end = sse(messageStart, ...textEvents(0, ' and turns.'), ...messageEnd);
      await using silent = await startRawServer(() => ({ bytes: streamResponse(begun), then: 'hold' }));
      await using rest = await startRawServer(() => ({
        bytes: streamResponse(end) + cleanEnd,
        then: 'hold',
      }));
      await using relay = await startTestRelay(silent.url, { log, ...own });
      const network = new Network(relay);
      const chat = chatOn(network, version);
      const asked = chat.sendMessage({ text: 'x' });
      await turnsUntil(() => textOfParts(chat.lastMessage).endsWith('turns'));
      const next = Promise.withResolvers<TestRelay>();
      network.relay = undefined;
      network.coming = next.promise;
      await relay.server.close({ handOver: true });
      await turnsUntil(() => network.asked.length === 4);
      await using other = await startTestRelay(rest.url, { log, ...own });
      next.resolve(other);
      await asked;
      assert.equal(textOfParts(chat.lastMessage), 'The wheel turns and turns.');
      assert.deepEqual([chat.status, chat.error, chat.messages.length], ['ready', undefined, 2]);
    });

    test('says that the network is gone when no try helps, and stops trying when the chat is stopped', async () => {
      await using held = await startHeldUpstream();
      await using relay = await startTestRelay(held.server.url, own);
      const network = new Network(relay);
      const chat = chatOn(network, version);
      const asked = chat.sendMessage({ text: 'x' });
      await turnsUntil(() => textOfParts(chat.lastMessage) === 'Half');
      network.relay = undefined;
      network.break();
      await asked;
      assert.match(chat.error?.message ?? '', /network error/);
      assert.equal(chat.ends.at(-1)?.isDisconnect, true);
      assert.equal(network.asked.length, 1 + 3);

      network.relay = relay;
      const later = chatOn(network, version, [3_600_000]);
      const resumed = later.resumeStream();
      await turnsUntil(() => textOfParts(later.lastMessage) === 'Half');
      await later.stop();
      await resumed;
      assert.deepEqual([later.status, later.error], ['ready', undefined]);
      assert.equal(network.asked.length, 1 + 3 + 1);
    });

    test('passes on what the relay says itself of an answer, and an error in place of one', async () => {
      await using held = await startHeldUpstream();
      const log = lastingLog();
      await using relay = await startTestRelay(held.server.url, { log });
      const network = new Network(relay);
      const chat = chatOn(network, version);
      const asked = chat.sendMessage({ text: 'x' });
      await turnsUntil(() => textOfParts(chat.lastMessage) === 'Half');
      await log.delete((await log.newest('local', 'c')) ?? '');
      await asked;
      assert.match(chat.error?.message ?? '', /The stream was deleted/);
      const refused = chatOn(network, version);
      await refused.sendMessage({ text: ' ' });
      assert.match(refused.error?.message ?? '', /there is nothing to answer/);
      assert.deepEqual(network.asked, [`POST /api/chat?v=${version}`, `POST /api/chat?v=${version}`]);
    });
  });
}
