// `/api/chat`, as the AI SDK's own chat and transport see it: over real sockets, in ai 6 and ai 7.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { AbstractChat, ChatInit, UIMessage } from 'ai';
import type { ContentBlock } from 'millrace/protocol';
import { startSimulator } from 'millrace/simulator';
import type { Simulator } from 'millrace/simulator';
import type { StoredConversation } from 'millrace/storage';
import { SqliteStreamLog } from 'millrace/storage/sqlite';
import { startHeldUpstream } from '../support/held-upstream.ts';
import { cleanEnd, startRawServer, streamResponse } from '../support/raw-server.ts';
import type { RawAnswer } from '../support/raw-server.ts';
import { startTestRelay } from '../support/relay.ts';
import type { TestRelay, TestRelayOptions } from '../support/relay.ts';
import { createChat, libraries, metadataOf, textOfParts, typesOf } from '../support/ui-client.ts';
import type { ChatEnd } from '../support/ui-client.ts';
import { messageEnd, messageStart, sse, textEvents } from '../support/streams.ts';
import { turnsUntil } from '../support/turns.ts';

const versions = [6, 7] as const;
type Version = (typeof versions)[number];

interface Setup extends AsyncDisposable {
  readonly simulator: Simulator;
  readonly relay: TestRelay;
  readonly chat: ReturnType<typeof createChat>;
}

type ChatOptions = Partial<ChatInit<UIMessage>> & { body?: object; fetch?: typeof fetch };

function chatOn(relay: TestRelay, version: Version, { body, fetch, ...init }: ChatOptions = {}) {
  const library = libraries[version];
  const api = `${relay.url}/api/chat${version === 7 ? '?v=7' : ''}`;
  const transport = new library.DefaultChatTransport<UIMessage>({
    api,
    ...(body && { body }),
    ...(fetch && { fetch }),
  });
  return createChat(library, { id: 'chat 1', transport, ...init });
}

async function setUp(
  version: Version,
  options: TestRelayOptions & { chat?: ChatOptions } = {},
): Promise<Setup> {
  const simulator = await startSimulator({ speed: 0 });
  const { chat, ...relayOptions } = options;
  const relay = await startTestRelay(simulator.url, relayOptions);
  return {
    simulator,
    relay,
    chat: chatOn(relay, version, chat),
    [Symbol.asyncDispose]: async () => {
      await relay[Symbol.asyncDispose]();
      await simulator.close();
    },
  };
}

/** What the chat has said is in its conversation once, each turn behind the one before. */
async function checkConversation({ url }: TestRelay, { messages }: Setup['chat']): Promise<void> {
  const response = await fetch(`${url}/conversations/chat%201`);
  const { turns } = (await response.json()) as StoredConversation;
  assert.deepEqual(
    turns.map(({ role, parent }) => [role, parent]),
    messages.map(({ role }, index) => [role, turns[index - 1]?.id ?? null]),
  );
}

/** The answer as the relay's log has it. */
async function loggedContent({ url }: TestRelay, message: UIMessage | undefined): Promise<ContentBlock[]> {
  const response = await fetch(`${url}/streams/${message?.id}`);
  const { message: logged } = (await response.json()) as { message: { content: ContentBlock[] } };
  return logged.content;
}

const lastTurns = ({ requests }: Simulator) =>
  (requests.at(-1)?.params as { messages: { role: string; content: unknown }[] } | undefined)?.messages ?? [];

interface SentBody {
  readonly messages: readonly { readonly role: string; readonly content: readonly { text?: string }[] }[];
}

const bodyOf = (request = ''): SentBody => JSON.parse(request.split('\r\n\r\n')[1] ?? '') as SentBody;

const tools = [
  {
    name: 'get_weather',
    description: 'The weather',
    input_schema: { type: 'object', properties: { location: { type: 'string' } } },
  },
];
const noRecovery: TestRelayOptions = { calls: { recover: false, retry: { maxRetries: 0 } } };
const words = 'one two three four five six seven eight';

interface Case {
  readonly prompt: string;
  readonly relay?: TestRelayOptions;
  readonly body?: object;
  readonly text?: string | RegExp;
  /** The types of the parts, each once, in the order of their first. */
  readonly parts?: readonly string[];
  /** What `useChat` shows in place of an error; `ready` is its state without one. */
  readonly error?: RegExp;
  readonly finishReason?: string;
  readonly ending?: object;
  /** The next answer of the chat, where it is another: a text, or what the API says of what is sent back. */
  readonly next?: { text: RegExp } | { error: RegExp };
}

const complete = { type: 'complete' };
const broken = { finishReason: 'interrupted', relay: noRecovery };

const cases: Readonly<Record<string, Case>> = {
  'a whole answer': {
    prompt: 'echo One\n\n  two\r\n水 😀',
    text: 'One\n\n  two\r\n水 😀',
    parts: ['step-start', 'text'],
  },
  'an empty answer': { prompt: 'echo', text: '', parts: ['step-start'] },
  thinking: { prompt: 'think, echo aloud', parts: ['step-start', 'reasoning', 'text'] },
  'thinking that is not shown': { prompt: 'redacted', parts: ['step-start', 'reasoning', 'text'] },
  'the call of a tool': {
    prompt: 'use get_weather',
    body: { tools },
    parts: ['step-start', 'text', 'dynamic-tool'],
    finishReason: 'tool-calls',
    // The page has no result for it.
    next: { text: /get_weather\*\* failed with `This call was not carried out`/ },
  },
  'a tool that the API runs': {
    prompt: 'web search for mills',
    parts: ['step-start', 'text', 'dynamic-tool', 'source-url'],
  },
  'one that fails': {
    prompt: 'web search error too_many_requests',
    parts: ['step-start', 'text', 'dynamic-tool'],
  },
  'an answer that pauses': {
    prompt: 'pause',
    parts: ['step-start', 'text', 'dynamic-tool'],
    finishReason: 'other',
  },
  'the tool of an MCP server': { prompt: 'mcp', parts: ['step-start', 'dynamic-tool', 'text'] },
  'a file of a tool': {
    prompt: 'container upload',
    parts: ['step-start', 'text', 'dynamic-tool', 'data-block'],
  },
  citations: { prompt: 'citations', parts: ['step-start', 'text', 'source-document', 'source-url'] },
  'a refusal': { prompt: 'refuse', finishReason: 'content-filter' },
  'an answer that is cut by max_tokens': { prompt: 'long', body: { max_tokens: 20 }, finishReason: 'length' },
  'an error in place of the answer': {
    prompt: '/fault status 400 message=Nothing\nx',
    error: /^Nothing$/,
  },
  'an error in the middle': {
    ...broken,
    prompt: `/fault error_event api_error atEvent=6 message=Broken\necho ${words}`,
    text: /^one /,
    error: /^Broken$/,
    ending: { type: 'failed', code: 'api_error', message: 'Broken' },
  },
  'a cut': {
    ...broken,
    prompt: `/fault cut atEvent=6\necho ${words}`,
    text: /^one /,
    error: /^The answer of upstream broke off$/,
    ending: { type: 'failed', code: 'connection_failed', message: 'The answer of upstream broke off' },
  },
  'an event that cannot be read': {
    ...broken,
    prompt: `/fault invalid_json atEvent=5\necho ${words}`,
    error: /is not JSON/,
  },
  'an error in the middle that is recovered from': {
    prompt: `/fault error_event api_error atEvent=6\necho ${words}`,
    text: words,
    parts: ['step-start', 'text'],
  },
  'a cut that is recovered from': { prompt: `/fault cut atEvent=6\necho ${words}`, text: words },
  'pings in a gap': {
    prompt: `/fault stall atEvent=5 ms=60 pingMs=20\necho ${words}`,
    text: words,
    relay: { pingMs: 10 },
  },
  'an unknown event': {
    prompt: `/fault unknown_event\necho ${words}`,
    text: words,
    parts: ['step-start', 'text'],
  },
  'an unknown delta': {
    prompt: `/fault unknown_delta\necho ${words}`,
    text: words,
    parts: ['step-start', 'text'],
  },
  'an unknown block': {
    prompt: `/fault unknown_block\necho ${words}`,
    text: words,
    parts: ['step-start', 'text', 'data-block'],
    next: { error: /Input tag 'simulator_block'/ },
  },
  'frames without names': { prompt: `/fault data_only\necho ${words}`, text: words },
};

for (const version of versions) {
  describe(`The chat of ai ${version}`, () => {
    for (const [name, wanted] of Object.entries(cases)) {
      test(`gets ${name}`, async () => {
        await using setup = await setUp(version, {
          ...wanted.relay,
          chat: wanted.body ? { body: wanted.body } : {},
        });
        const { chat } = setup;
        await chat.sendMessage({ text: wanted.prompt });
        checkEnd(chat, wanted);
        checkParts(chat.lastMessage, wanted);
        checkFinish(chat.ends.at(-1), wanted, version);
        // Whatever came of it, the chat goes on.
        const answer = chat.lastMessage;
        await chat.sendMessage({ text: 'echo And further' });
        const { next = { text: /^And further$/ } } = wanted;
        if ('error' in next) assert.match(chat.error?.message ?? '', next.error);
        else assert.match(textOfParts(chat.lastMessage), next.text);
        if (wanted.error !== undefined || 'error' in next) return;
        if (wanted.finishReason !== 'other') await checkSentBack(setup, answer);
        await checkConversation(setup.relay, chat);
      });
    }

    test('sends the calls of its tools back with their results, and goes on in the same message', async () => {
      await using setup = await setUp(version, {
        chat: {
          body: { tools },
          sendAutomaticallyWhen: libraries[version].lastAssistantMessageIsCompleteWithToolCalls,
        },
      });
      const { chat, simulator, relay } = setup;
      await chat.sendMessage({ text: 'look up both in parallel' });
      const calls = callsOf(chat.lastMessage);
      assert.equal(calls.length, 2);
      for (const { toolCallId } of calls) {
        assert.equal(chat.messages.length, 2);
        await chat.addToolOutput({ tool: 'get_weather', toolCallId, output: { degrees: 21 } });
      }
      await turnsUntil(() => chat.status === 'ready' && chat.ends.length === 2);
      assert.equal(chat.messages.length, 2);
      const types = typesOf(chat.lastMessage);
      assert.deepEqual(
        [types[0], types.lastIndexOf('step-start') > 0, types.at(-1)],
        ['step-start', true, 'text'],
      );
      const turns = lastTurns(simulator);
      assert.deepEqual(
        turns.map(({ role }) => role),
        ['user', 'assistant', 'user'],
      );
      assert.deepEqual(
        turns[2]?.content,
        calls.map(({ toolCallId }) => ({
          type: 'tool_result',
          tool_use_id: toolCallId,
          content: '{"degrees":21}',
        })),
      );
      // A page that comes back gets both steps of the message.
      const { lastMessage } = chat;
      const later = chatOn(relay, version, { messages: structuredClone(chat.messages) });
      await later.resumeStream();
      assert.deepEqual(
        later.messages.map(({ id }) => id),
        chat.messages.map(({ id }) => id),
      );
      assert.deepEqual(typesOf(later.lastMessage), types);
      assert.equal(textOfParts(later.lastMessage), textOfParts(lastMessage));
    });

    test('resumes an answer that still comes, from a page that has only the question', async () => {
      await using held = await startHeldUpstream();
      const { server: upstream, goOn } = held;
      await using relay = await startTestRelay(upstream.url);
      const chat = chatOn(relay, version);
      const asked = chat.sendMessage({ text: 'x' });
      await turnsUntil(() => textOfParts(chat.lastMessage) === 'Half');
      const second = chatOn(relay, version, { messages: structuredClone(chat.messages.slice(0, 1)) });
      const resumed = second.resumeStream();
      await turnsUntil(() => textOfParts(second.lastMessage) === 'Half');
      goOn();
      await Promise.all([asked, resumed]);
      for (const each of [chat, second]) {
        assert.equal(textOfParts(each.lastMessage), 'Half and half');
        assert.equal(each.messages.length, 2);
        assert.equal(each.status, 'ready');
      }
      assert.equal(second.lastMessage?.id, chat.lastMessage?.id);
    });

    test('resumes an answer whose connection broke, without a word twice', async () => {
      await using held = await startHeldUpstream();
      const { server: upstream, goOn } = held;
      await using relay = await startTestRelay(upstream.url);
      const network = new AbortController();
      const breaking: typeof fetch = (input, init) =>
        fetch(input, init).then(
          (response) =>
            new Response(
              response.body?.pipeThrough(new TransformStream(), { signal: network.signal }),
              response,
            ),
        );
      const chat = chatOn(relay, version, { fetch: breaking });
      const asked = chat.sendMessage({ text: 'x' });
      await turnsUntil(() => textOfParts(chat.lastMessage) === 'Half');
      network.abort(new TypeError('network error'));
      await asked;
      assert.equal(chat.ends.at(-1)?.isDisconnect, true);
      const again = chatOn(relay, version, { messages: chat.messages });
      const resumed = again.resumeStream();
      goOn();
      await resumed;
      assert.equal(textOfParts(again.lastMessage), 'Half and half');
      assert.equal(again.messages.length, 2);
      // Also when it has ended.
      await again.resumeStream();
      assert.equal(textOfParts(again.lastMessage), 'Half and half');
      assert.equal(again.messages.length, 2);
    });

    test('stays as it is where there is nothing to resume', async () => {
      await using setup = await setUp(version);
      await setup.chat.resumeStream();
      assert.deepEqual([setup.chat.status, setup.chat.messages], ['ready', []]);
    });

    test('gets the end of an answer that is stopped, keeps what came, and goes on from there', async () => {
      await using held = await startHeldUpstream();
      const { server: upstream } = held;
      await using relay = await startTestRelay(upstream.url);
      const chat = chatOn(relay, version, { sendAutomaticallyWhen: () => version === 7 });
      const asked = chat.sendMessage({ text: 'x' });
      await turnsUntil(() => textOfParts(chat.lastMessage) === 'Half');
      const stop = (): Promise<Response> => fetch(`${relay.url}/api/chat/chat%201/stop`, { method: 'POST' });
      const stopped = await stop();
      assert.deepEqual(await stopped.json(), { id: chat.lastMessage?.id });
      await asked;
      await upstream.clientLeft();
      assert.equal(textOfParts(chat.lastMessage), 'Half');
      assert.equal(chat.status, 'ready');
      assert.deepEqual(metadataOf(chat.lastMessage)['ending'], { type: 'stopped' });
      assert.equal(chat.ends.at(-1)?.finishReason, version === 7 ? 'interrupted' : undefined);
      assert.equal((await stop()).status, 200, 'again does no harm');
      const next = chat.sendMessage({ text: 'y' });
      await turnsUntil(() => upstream.requests.length === 2);
      assert.deepEqual(bodyOf(upstream.requests[1]).messages, [
        { role: 'user', content: [{ type: 'text', text: 'x' }] },
        { role: 'assistant', content: [{ type: 'text', text: 'Half' }] },
        { role: 'user', content: [{ type: 'text', text: 'y' }] },
      ]);
      await chat.stop();
      await next;
    });

    test('goes on behind answers that were stopped, or broke, before they said anything', async () => {
      const silent: RawAnswer = { bytes: streamResponse(sse(messageStart)), then: 'hold' };
      const refusal = '{"type":"error","error":{"type":"api_error","message":"No"}}';
      const failing: RawAnswer = {
        bytes: `HTTP/1.1 500 Internal Server Error\r\ncontent-length: ${refusal.length}\r\n\r\n${refusal}`,
        then: 'fin',
      };
      const saying: RawAnswer = {
        bytes: streamResponse(sse(messageStart, ...textEvents(0, 'Said'), ...messageEnd)) + cleanEnd,
        then: 'fin',
      };
      const answers = [silent, failing, failing, saying, saying];
      await using upstream = await startRawServer(() => answers.shift() ?? saying);
      await using relay = await startTestRelay(upstream.url, noRecovery);
      const chat = chatOn(relay, version);
      const asked = chat.sendMessage({ text: 'a' });
      await turnsUntil(() => upstream.requests.length === 1 && chat.lastMessage?.role === 'assistant');
      await fetch(`${relay.url}/api/chat/chat%201/stop`, { method: 'POST' });
      await asked;
      await chat.sendMessage({ text: 'b' });
      assert.equal(chat.error?.message, 'No');
      await chat.regenerate();
      for (const text of ['c', 'd']) {
        await chat.sendMessage({ text });
        assert.deepEqual([chat.status, textOfParts(chat.lastMessage)], ['ready', 'Said']);
      }
      const { turns, head } = (await (
        await fetch(`${relay.url}/conversations/chat%201`)
      ).json()) as StoredConversation;
      const byId = new Map(turns.map((turn) => [turn.id, turn]));
      const said: string[] = [];
      for (let turn = byId.get(head ?? ''); turn !== undefined; turn = byId.get(turn.parent ?? ''))
        said.unshift(
          `${turn.role}: ${(turn.content as readonly { text?: string }[]).map(({ text }) => text).join()}`,
        );
      assert.deepEqual(said, [
        'user: a',
        'assistant: ',
        'user: b',
        'assistant: ',
        'user: c',
        'assistant: Said',
        'user: d',
        'assistant: Said',
      ]);
      assert.equal(turns.length, said.length + 1, 'and the answer that was asked for again');
      const last = bodyOf(upstream.requests.at(-1)).messages;
      assert.deepEqual(
        last.map(({ role, content }) => [role, content.map(({ text }) => text).join()]),
        [
          ['user', 'a,b,c'],
          ['assistant', 'Said'],
          ['user', 'd'],
        ],
      );
    });

    test('goes on from a question whose answer is still on its way, and another one was asked', async () => {
      await using held = await startHeldUpstream();
      await using relay = await startTestRelay(held.server.url);
      const chat = chatOn(relay, version, { body: { onDisconnect: 'continue' } });
      const first = chat.sendMessage({ text: 'a' });
      await turnsUntil(() => held.server.requests.length === 1);
      await chat.stop();
      await first;
      chat.messages = chat.messages.slice(0, 1);
      const second = chat.sendMessage({ text: 'b' });
      await turnsUntil(() => held.server.requests.length === 2);
      held.goOn();
      await second;
      await chat.sendMessage({ text: 'c' });
      assert.equal(textOfParts(chat.lastMessage), 'Half and half');
      const { turns } = (await (
        await fetch(`${relay.url}/conversations/chat%201`)
      ).json()) as StoredConversation;
      const [a, answer, b] = turns;
      assert.deepEqual([answer?.parent, b?.parent, turns.length], [a?.id, a?.id, 6]);
    });

    test('resumes after the relay has been started anew', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'millrace-chat-'));
      const file = join(folder, 'relay.db');
      try {
        await using simulator = await startSimulator({ speed: 0 });
        let chat: AbstractChat<UIMessage>;
        {
          await using relay = await startTestRelay(simulator.url, { log: SqliteStreamLog.open(file) });
          chat = chatOn(relay, version);
          await chat.sendMessage({ text: 'echo first' });
          await chat.sendMessage({ text: `echo ${words}` });
        }
        await using relay = await startTestRelay(simulator.url, { log: SqliteStreamLog.open(file) });
        const later = chatOn(relay, version, { messages: chat.messages.slice(0, 3) });
        await later.resumeStream();
        assert.equal(textOfParts(later.lastMessage), words);
        assert.equal(later.lastMessage?.id, chat.lastMessage?.id);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });

    test('regenerates an answer: the client’s messages count', async () => {
      await using setup = await setUp(version);
      const { chat, simulator } = setup;
      await chat.sendMessage({ text: 'echo a' });
      await chat.regenerate();
      assert.equal(chat.messages.length, 2);
      assert.deepEqual(
        lastTurns(simulator).map(({ role }) => role),
        ['user'],
      );
    });
  });
}

test('thinking that breaks off is written anew for ai 7, and ends with an error that says so for ai 6', async () => {
  for (const version of versions) {
    await using setup = await setUp(version);
    const { chat } = setup;
    await chat.sendMessage({ text: '/fault cut atEvent=5 times=1\nthink about mills' });
    if (version === 7) {
      assert.equal(chat.status, 'ready', chat.error?.message);
      assert.deepEqual(typesOf(chat.lastMessage), ['step-start', 'reasoning', 'text']);
    } else {
      assert.match(chat.error?.message ?? '', /broke off/);
      assert.equal(chat.status, 'error');
    }
  }
});

test('the call of a tool that breaks off is made anew, in both', async () => {
  for (const version of versions) {
    await using setup = await setUp(version, { chat: { body: { tools } } });
    const { chat } = setup;
    await chat.sendMessage({ text: '/fault cut atEvent=12 times=1\nuse get_weather' });
    assert.equal(chat.status, 'ready', chat.error?.message);
    assert.deepEqual(
      callsOf(chat.lastMessage).map(({ state }) => state),
      ['input-available'],
    );
  }
});

function checkEnd({ status, error, lastMessage }: AbstractChat<UIMessage>, wanted: Case): void {
  if (wanted.ending !== undefined) assert.deepEqual(metadataOf(lastMessage)['ending'], wanted.ending);
  if (wanted.error !== undefined) {
    assert.equal(status, 'error');
    assert.match(error?.message ?? '', wanted.error);
    return;
  }
  assert.deepEqual([status, error], ['ready', undefined]);
  assert.deepEqual(metadataOf(lastMessage)['ending'], complete);
  assert.ok((metadataOf(lastMessage)['usage'] as { output_tokens: number }).output_tokens > 0);
}

function checkParts(message: UIMessage | undefined, { text, parts }: Case): void {
  if (typeof text === 'string') assert.equal(textOfParts(message), text);
  else if (text !== undefined) assert.match(textOfParts(message), text);
  if (parts !== undefined) assert.deepEqual([...new Set(typesOf(message))], parts);
  for (const part of message?.parts ?? []) if ('state' in part) assert.notEqual(part.state, 'streaming');
}

/** What Claude said goes back as it was said, to the byte. */
async function checkSentBack({ simulator, relay }: Setup, message: UIMessage | undefined): Promise<void> {
  if (typesOf(message).length < 2) return;
  const [, answered] = lastTurns(simulator);
  const logged = await loggedContent(relay, message);
  assert.deepEqual(answered?.content, logged.filter(isSent));
}

/** What a UI message cannot hold, because the API would not take it back. */
function isSent(block: ContentBlock): boolean {
  return block.type !== 'text' || (block as { text: string }).text.trim() !== '';
}

function checkFinish(end: ChatEnd | undefined, { error, finishReason }: Case, version: Version): void {
  if (error === undefined) assert.equal(end?.finishReason, finishReason ?? 'stop');
  else if (finishReason !== undefined)
    assert.equal(end?.finishReason, version === 7 ? finishReason : undefined);
}

function callsOf(message: UIMessage | undefined): { toolCallId: string; state: string }[] {
  return (message?.parts ?? []).filter((part) => part.type === 'dynamic-tool');
}
