import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, encodeSse, MessageAccumulator, ProtocolError } from 'millrace/protocol';
import type { StreamEvent } from 'millrace/protocol';
import { FollowError } from '../../src/web/errors.ts';
import { followStream } from '../../src/web/follow-stream.ts';
import type { FollowEnd, FollowState, StreamSource } from '../../src/web/follow-stream.ts';
import { eventSequence } from '../../src/web/stream/event-sequence.ts';
import { FakeRelay, frame, refuses, startFrame, stopFrame, streams, textFrame } from './fake-relay.ts';

const question: StreamSource = { type: 'new', request: { model: 'claude-test', messages: [] }, key: 'k1' };

/** A follower at work, and everything it says. */
function follow(relay: FakeRelay, source: StreamSource = question) {
  const states: FollowState[] = [];
  const opened: string[] = [];
  const events: StreamEvent[] = [];
  const aborter = new AbortController();
  let message = new MessageAccumulator();
  let restarts = 0;
  const end: Promise<FollowEnd> = followStream(
    source,
    {
      onState: (state) => states.push(state),
      onOpen: (id) => opened.push(id),
      onEvent: (event) => {
        events.push(event);
        message.push(event);
      },
      onRestart: () => {
        restarts += 1;
        message = new MessageAccumulator();
      },
    },
    { environment: relay, signal: aborter.signal },
  );
  const text = (): string => {
    const block = message.message?.content[0];
    return block?.type === 'text' ? block.text : '';
  };
  return { states, opened, events, aborter, end, text, restarts: () => restarts };
}

/** A relay that answers the POST and each later GET with a stream. */
function streamingRelay(answers: number): FakeRelay {
  const relay: FakeRelay = new FakeRelay([
    streams(() => relay, { 'x-stream-id': 'a/b' }),
    ...Array.from({ length: answers - 1 }, () => streams(() => relay)),
  ]);
  return relay;
}

async function failureOf(end: Promise<FollowEnd>): Promise<Error> {
  const result = await end;
  assert.ok(result.type === 'failed', 'it failed');
  return result.error;
}

test('followStream asks, names the stream, delivers its events and ends at message_stop', async () => {
  const relay = streamingRelay(1);
  const follower = follow(relay);
  await relay.settle();
  const [asked] = relay.exchanges;
  assert.equal(asked?.method, 'POST');
  assert.equal(asked.path, '/streams');
  assert.equal(asked.headers.get('accept'), 'text/event-stream');
  assert.equal(asked.headers.get('content-type'), 'application/json');
  assert.equal(asked.headers.get('idempotency-key'), 'k1');
  assert.deepEqual(asked.body, { model: 'claude-test', messages: [] });
  assert.deepEqual(follower.states, ['connecting']);
  asked.send(startFrame() + textFrame(2, 'one '));
  await relay.settle();
  assert.deepEqual(follower.states, ['connecting', 'streaming']);
  asked.send(textFrame(3, 'two') + stopFrame(4));
  assert.deepEqual(await follower.end, { type: 'ended' });
  assert.deepEqual(follower.opened, ['a/b']);
  assert.equal(follower.text(), 'one two');
  assert.deepEqual(follower.states, ['connecting', 'streaming', 'ended']);
  assert.ok(asked.signal.aborted, 'the connection is closed and not waited for');
  assert.equal(relay.openHandles, 0);
});

test('followStream ends at an error event, which it delivers', async () => {
  const relay = streamingRelay(1);
  const follower = follow(relay);
  await relay.settle();
  const error: StreamEvent = { type: 'error', error: { type: 'overloaded_error', message: 'busy' } };
  relay.exchanges[0]?.send(startFrame() + frame('1-2', error));
  assert.deepEqual(await follower.end, { type: 'ended' });
  assert.deepEqual(follower.events.at(-1), error);
});

for (const how of ['close', 'break'] as const) {
  test(`followStream goes on behind the last event when the connection has a ${how}`, async () => {
    const relay = streamingRelay(2);
    const follower = follow(relay);
    await relay.settle();
    // The cut event is not counted: its blank line never came.
    relay.exchanges[0]?.send(startFrame() + textFrame(2, 'one ') + textFrame(3, 'two ').slice(0, -20));
    await relay.settle();
    relay.exchanges[0]?.[how]();
    await relay.settle();
    assert.deepEqual(follower.states, ['connecting', 'streaming', 'reconnecting']);
    assert.equal(relay.exchanges.length, 1, 'it waits before it comes back');
    await relay.pass(250);
    const [, resumed] = relay.exchanges;
    assert.equal(resumed?.method, 'GET');
    assert.equal(resumed.path, '/streams/a%2Fb');
    assert.equal(resumed.headers.get('last-event-id'), '1-2');
    assert.deepEqual(follower.states.at(-1), 'reconnecting', 'until there is something new');
    resumed.send(textFrame(3, 'two ') + textFrame(4, 'three') + stopFrame(5));
    assert.deepEqual(await follower.end, { type: 'ended' });
    assert.equal(follower.text(), 'one two three');
    assert.deepEqual(follower.states, ['connecting', 'streaming', 'reconnecting', 'streaming', 'ended']);
    assert.equal(follower.restarts(), 0);
    assert.equal(relay.openHandles, 0);
  });
}

test('followStream comes back at once when the relay says that it goes', async () => {
  const relay = streamingRelay(2);
  const follower = follow(relay);
  await relay.settle();
  const leave = 'event: millrace\ndata: {"type":"millrace","record":{"type":"reconnect"}}\n\n';
  relay.exchanges[0]?.send(startFrame() + textFrame(2, 'one ') + leave);
  await relay.settle();
  assert.deepEqual(follower.states, ['connecting', 'streaming', 'reconnecting']);
  assert.equal(follower.events.length, 2, 'it is no event of the stream');
  await relay.pass(250);
  assert.equal(relay.exchanges[1]?.headers.get('last-event-id'), '1-2');
  relay.exchanges[1]?.send(textFrame(3, 'two') + stopFrame(4));
  assert.deepEqual(await follower.end, { type: 'ended' });
  assert.equal(follower.text(), 'one two');
});

test('followStream delivers each event once, also when the relay sends some again', async () => {
  const relay = streamingRelay(2);
  const follower = follow(relay);
  await relay.settle();
  relay.exchanges[0]?.send(startFrame() + textFrame(2, 'a') + textFrame(3, 'b'));
  await relay.settle();
  relay.exchanges[0]?.close();
  await relay.pass(250);
  relay.exchanges[1]?.send(
    textFrame(2, 'a', 2) + textFrame(3, 'b', 2) + textFrame(4, 'c', 2) + stopFrame(5, 2),
  );
  await follower.end;
  assert.equal(follower.text(), 'abc');
});

test('followStream reads again from the beginning when a number is left out', async () => {
  const relay = streamingRelay(3);
  const follower = follow(relay);
  await relay.settle();
  relay.exchanges[0]?.send(startFrame() + textFrame(2, 'old '));
  await relay.settle();
  relay.exchanges[0]?.close();
  await relay.pass(250);
  relay.exchanges[1]?.send(textFrame(4, 'lost'));
  await relay.pass(0);
  const [, resumed, again] = relay.exchanges;
  assert.ok(resumed?.signal.aborted);
  assert.equal(again?.headers.get('last-event-id'), null);
  assert.equal(follower.restarts(), 0, 'what is there stays until something else has come');
  again.send(
    startFrame() + textFrame(2, 'new ') + textFrame(3, 'and ') + textFrame(4, 'whole') + stopFrame(5),
  );
  assert.deepEqual(await follower.end, { type: 'ended' });
  assert.equal(follower.restarts(), 1);
  assert.equal(follower.text(), 'new and whole');
});

test('followStream reads again from the beginning when the relay says that the log was changed', async () => {
  const relay = streamingRelay(2);
  const follower = follow(relay);
  const reset = { type: 'millrace', record: { type: 'reset', from: '1-1' } };
  await relay.settle();
  relay.exchanges[0]?.send(startFrame() + textFrame(2, 'old'));
  relay.exchanges[0]?.send(
    encodeSse({ event: 'millrace', data: JSON.stringify(reset) }) + textFrame(2, 'new'),
  );
  await relay.pass(0);
  relay.exchanges[1]?.send(startFrame() + textFrame(2, 'new') + stopFrame(3));
  assert.deepEqual(await follower.end, { type: 'ended' });
  assert.equal(follower.text(), 'new');
  assert.equal(follower.restarts(), 1);
});

test('followStream gives up on a log that keeps changing', async () => {
  const relay = streamingRelay(8);
  const follower = follow(relay);
  await relay.settle();
  for (let round = 0; round < 4; round += 1) {
    relay.exchanges.at(-1)?.send(startFrame() + textFrame(2, 'x'));
    await relay.settle();
    relay.exchanges.at(-1)?.close();
    await relay.pass(250);
    relay.exchanges.at(-1)?.send(textFrame(9, 'y'));
    await relay.pass(0);
  }
  const error = await failureOf(follower.end);
  assert.ok(error instanceof FollowError && error.code === 'unsteady_log');
  assert.equal(relay.exchanges.length, 8);
});

test('followStream reads from the beginning when no event had an id', async () => {
  const relay = streamingRelay(2);
  const follower = follow(relay);
  const bare = (text: string): string => textFrame(1, text).replace(/^id: .*\n/, '');
  await relay.settle();
  relay.exchanges[0]?.send(bare('one'));
  await relay.settle();
  relay.exchanges[0]?.break();
  await relay.pass(250);
  relay.exchanges[1]?.send(bare('one') + bare(' two') + encodeSse({ type: 'message_stop' }));
  await follower.end;
  assert.equal(follower.text(), 'one two');
  assert.equal(follower.restarts(), 1);
});

test('followStream waits 0.25 s to 8 s between attempts, and from the beginning again after a new event', async () => {
  const relay: FakeRelay = new FakeRelay([
    streams(() => relay, { 'x-stream-id': 's' }),
    ...Array.from({ length: 7 }, () => () => new TypeError('Failed to fetch')),
    streams(() => relay),
    streams(() => relay),
  ]);
  const follower = follow(relay);
  await relay.settle();
  relay.exchanges[0]?.send(startFrame());
  await relay.settle();
  relay.delaysMs.length = 0;
  relay.exchanges[0]?.break();
  await relay.pass(60_000);
  const waits = (): number[] => relay.delaysMs.filter((delay) => delay !== 45_000);
  // With a random number of 0.5 each wait is three quarters of its step.
  assert.deepEqual(waits(), [187.5, 375, 750, 1500, 3000, 6000, 6000, 6000]);
  relay.exchanges.at(-1)?.send(textFrame(2, 'a'));
  await relay.settle();
  relay.exchanges.at(-1)?.close();
  await relay.pass(0);
  assert.equal(waits().at(-1), 187.5);
  await relay.pass(200);
  relay.exchanges.at(-1)?.send(stopFrame(3));
  assert.deepEqual(await follower.end, { type: 'ended' });
});

test('followStream gives up after 20 attempts without a new event', async () => {
  const relay: FakeRelay = new FakeRelay([
    streams(() => relay, { 'x-stream-id': 's' }),
    ...Array.from({ length: 20 }, () => refuses(503, 'draining')),
  ]);
  const follower = follow(relay);
  await relay.settle();
  relay.exchanges[0]?.send(startFrame());
  relay.exchanges[0]?.close();
  await relay.pass(300_000);
  const error = await failureOf(follower.end);
  assert.ok(error instanceof FollowError && error.code === 'connection_lost');
  assert.ok(error.cause instanceof ApiError, 'the cause is kept');
  assert.equal(relay.exchanges.length, 21);
  assert.equal(relay.openHandles, 0);
});

test('followStream waits as long as retry-after asks', async () => {
  const relay: FakeRelay = new FakeRelay([
    refuses(429, 'too many readers', { 'retry-after': '7' }),
    streams(() => relay),
  ]);
  const follower = follow(relay, { type: 'existing', id: 's' });
  await relay.pass(6999);
  assert.equal(relay.exchanges.length, 1);
  await relay.pass(1);
  relay.exchanges[1]?.send(startFrame() + stopFrame(2));
  assert.deepEqual(await follower.end, { type: 'ended' });
});

test('followStream comes back at once when the page wakes up', async () => {
  const relay = streamingRelay(2);
  const follower = follow(relay);
  await relay.settle();
  relay.exchanges[0]?.send(startFrame());
  await relay.settle();
  relay.exchanges[0]?.close();
  await relay.settle();
  assert.equal(relay.exchanges.length, 1);
  relay.wake();
  await relay.settle();
  assert.equal(relay.exchanges.length, 2);
  relay.exchanges[1]?.send(stopFrame(2));
  await follower.end;
});

test('followStream takes a connection for dead after 45 s without bytes, and after 20 s when it wakes up', async () => {
  const relay = streamingRelay(3);
  const follower = follow(relay);
  await relay.settle();
  relay.exchanges[0]?.send(startFrame());
  await relay.pass(44_999);
  relay.exchanges[0]?.send(encodeSse({ type: 'ping' }));
  await relay.pass(44_999);
  assert.equal(relay.exchanges[0]?.signal.aborted, false, 'a ping is a sign of life');
  await relay.pass(1);
  assert.equal(relay.exchanges[0]?.signal.aborted, true);
  await relay.pass(250);
  const [, second] = relay.exchanges;
  await relay.pass(19_000);
  relay.wake();
  assert.equal(second?.signal.aborted, false);
  await relay.pass(1000);
  relay.wake();
  assert.equal(second?.signal.aborted, true);
  await relay.pass(500);
  relay.exchanges[2]?.send(stopFrame(2));
  await follower.end;
  assert.ok(!follower.events.some(({ type }) => type === 'ping'), 'pings are not events of the answer');
});

test('followStream lets go of its connection when it loses its place, and goes on from there when it has one again', async () => {
  const relay = streamingRelay(2);
  const follower = follow(relay);
  await relay.settle();
  relay.exchanges[0]?.send(startFrame() + textFrame(2, 'one '));
  await relay.settle();
  relay.takePlacesAway();
  await relay.pass(600_000);
  assert.ok(relay.exchanges[0]?.signal.aborted);
  assert.equal(relay.openHandles, 1, 'a wake is listened for, and nothing else');
  assert.equal(relay.exchanges.length, 1);
  relay.givePlaces();
  await relay.settle();
  assert.equal(relay.exchanges[1]?.path, '/streams/a%2Fb');
  assert.equal(relay.exchanges[1].headers.get('last-event-id'), '1-2');
  relay.exchanges[1].send(textFrame(3, 'two') + stopFrame(4));
  assert.deepEqual(await follower.end, { type: 'ended' });
  assert.equal(follower.text(), 'one two');
  assert.deepEqual(follower.states, ['connecting', 'streaming', 'ended'], 'nobody is told of it');
  assert.equal(relay.openHandles, 0);
});

test('followStream waits for a place before it asks, and asks with the same key when it has lost it before the answer', async () => {
  const named = streams(() => relay, { 'x-stream-id': 's' });
  const relay: FakeRelay = new FakeRelay([named, named]);
  const unanswered = Object.assign(Object.create(relay) as FakeRelay, {
    fetch: async (path: string, init: RequestInit) => {
      const response = relay.fetch(path, init);
      if (relay.exchanges.length > 1) return response;
      return new Promise<Response>((_, reject) => {
        init.signal?.addEventListener('abort', () => reject(init.signal?.reason));
      });
    },
    takePlace: relay.takePlace.bind(relay),
    setTimer: relay.setTimer.bind(relay),
    onWake: relay.onWake.bind(relay),
    now: relay.now.bind(relay),
  });
  relay.takePlacesAway();
  const follower = follow(unanswered);
  await relay.pass(600_000);
  assert.equal(relay.exchanges.length, 0);
  relay.givePlaces();
  await relay.settle();
  relay.takePlacesAway();
  await relay.settle();
  relay.givePlaces();
  await relay.settle();
  relay.exchanges[1]?.send(startFrame() + textFrame(2, 'once') + stopFrame(3));
  assert.deepEqual(await follower.end, { type: 'ended' });
  assert.equal(follower.text(), 'once');
  assert.deepEqual(
    relay.exchanges.map(({ method, headers }) => [method, headers.get('idempotency-key')]),
    [1, 2].map(() => ['POST', 'k1']),
  );
});

test('followStream takes no lost place for an attempt that failed', async () => {
  const relay = streamingRelay(41);
  const follower = follow(relay);
  await relay.settle();
  relay.exchanges[0]?.send(startFrame());
  for (let round = 0; round < 40; round += 1) {
    await relay.settle();
    relay.takePlacesAway();
    relay.givePlaces();
  }
  await relay.settle();
  relay.exchanges[40]?.send(stopFrame(2));
  assert.deepEqual(await follower.end, { type: 'ended' });
  assert.deepEqual(
    relay.delaysMs.filter((delay) => delay !== 45_000),
    [],
  );
});

test('followStream holds no place while it waits for the next attempt', async () => {
  const relay = streamingRelay(2);
  const follower = follow(relay);
  await relay.settle();
  relay.exchanges[0]?.send(startFrame());
  await relay.settle();
  assert.equal(relay.openHandles, 3, 'a place, a wake and the limit of silence');
  relay.exchanges[0]?.close();
  await relay.settle();
  assert.equal(relay.openHandles, 2, 'a wake and the pause');
  await relay.pass(250);
  relay.exchanges[1]?.send(stopFrame(2));
  await follower.end;
  assert.equal(relay.openHandles, 0);
});

test('followStream does not limit how long the first response takes', async () => {
  let answer: (response: Response) => void = () => undefined;
  const relay = streamingRelay(1);
  const slow = Object.assign(Object.create(relay) as FakeRelay, {
    fetch: async (path: string, init: RequestInit) => {
      const response = await relay.fetch(path, init);
      return new Promise<Response>((resolve) => {
        answer = () => resolve(response);
      });
    },
    takePlace: relay.takePlace.bind(relay),
    setTimer: relay.setTimer.bind(relay),
    onWake: relay.onWake.bind(relay),
    now: relay.now.bind(relay),
  });
  const follower = follow(slow);
  await relay.pass(600_000);
  assert.equal(relay.exchanges[0]?.signal.aborted, false);
  answer(new Response());
  await relay.settle();
  relay.exchanges[0]?.send(startFrame() + stopFrame(2));
  assert.deepEqual(await follower.end, { type: 'ended' });
});

test('followStream follows an existing stream from its beginning', async () => {
  const relay: FakeRelay = new FakeRelay([streams(() => relay)]);
  const follower = follow(relay, { type: 'existing', id: 's' });
  await relay.settle();
  assert.equal(relay.exchanges[0]?.path, '/streams/s');
  assert.equal(relay.exchanges[0].headers.get('last-event-id'), null);
  relay.exchanges[0].send(startFrame() + textFrame(2, 'all of it') + stopFrame(3));
  await follower.end;
  assert.equal(follower.text(), 'all of it');
  assert.deepEqual(follower.states, ['connecting', 'streaming', 'ended']);
});

test('followStream takes 204 for the end, 404 for a stream that is gone, another refusal for final', async () => {
  const nothing = follow(new FakeRelay([() => new Response(null, { status: 204 })]), {
    type: 'existing',
    id: 's',
  });
  assert.deepEqual(await nothing.end, { type: 'ended' });
  const gone = follow(new FakeRelay([refuses(404, 'no such stream')]), { type: 'existing', id: 's' });
  const goneError = await failureOf(gone.end);
  assert.ok(goneError instanceof FollowError && goneError.code === 'gone');
  const denied = follow(new FakeRelay([refuses(401, 'who are you?')]), { type: 'existing', id: 's' });
  const deniedError = await failureOf(denied.end);
  assert.ok(deniedError instanceof ApiError && deniedError.status === 401);
});

test('followStream sends a request again, with the same key, until the relay has answered', async () => {
  const relay: FakeRelay = new FakeRelay([
    () => new TypeError('Failed to fetch'),
    () => new TypeError('Failed to fetch'),
    streams(() => relay, { 'x-stream-id': 's' }),
  ]);
  const follower = follow(relay);
  await relay.pass(1000);
  assert.deepEqual(follower.states, ['connecting'], 'nothing was there that could be connected again');
  assert.deepEqual(
    relay.exchanges.map(({ method, headers }) => [method, headers.get('idempotency-key')]),
    [1, 2, 3].map(() => ['POST', 'k1']),
  );
  relay.exchanges[2]?.send(startFrame() + stopFrame(2));
  assert.deepEqual(await follower.end, { type: 'ended' });
});

test('followStream gives up after 5 attempts when the relay never answers', async () => {
  const relay = new FakeRelay(Array.from({ length: 5 }, () => () => new TypeError('Failed to fetch')));
  const follower = follow(relay);
  await relay.pass(10_000);
  const error = await failureOf(follower.end);
  assert.ok(error instanceof FollowError && error.code === 'unreachable' && error.cause instanceof TypeError);
});

test('followStream gives the error of a refused request with its status, id and retry-after', async () => {
  const relay = new FakeRelay([refuses(429, 'slow down', { 'retry-after': '12' })]);
  const error = await failureOf(follow(relay).end);
  assert.ok(error instanceof ApiError);
  assert.equal(error.message, 'slow down');
  assert.equal(error.status, 429);
  assert.equal(error.requestId, 'req_1');
  assert.equal(error.retryAfterMs, 12_000);
  const gateway = new FakeRelay([() => new Response('<h1>Bad gateway</h1>', { status: 502 })]);
  const gatewayError = await failureOf(follow(gateway).end);
  assert.equal(gatewayError.message, '<h1>Bad gateway</h1>');
});

test('followStream says what came when it is not an event stream', async () => {
  const error = await failureOf(
    follow(new FakeRelay([() => Response.json({}, { headers: { 'x-stream-id': 's' } })])).end,
  );
  assert.ok(error instanceof FollowError && error.code === 'not_a_stream');
  assert.match(error.message, /application\/json/);
  const nameless: FakeRelay = new FakeRelay([streams(() => nameless)]);
  const namelessError = await failureOf(follow(nameless).end);
  assert.ok(namelessError instanceof FollowError && namelessError.code === 'not_a_stream');
});

test('followStream fails with the ProtocolError of broken data, after the events before it', async () => {
  const relay = streamingRelay(1);
  const follower = follow(relay);
  await relay.settle();
  relay.exchanges[0]?.send(`${startFrame()}id: 1-2\nevent: content_block_delta\ndata: {"type"\n\n`);
  const error = await failureOf(follower.end);
  assert.ok(error instanceof ProtocolError && error.code === 'invalid_json');
  assert.equal(follower.events.length, 1);
});

test('followStream rejects with the reason of an abort, wherever it is', async () => {
  const reason = new Error('new chat');
  const streaming = streamingRelay(1);
  const reading = follow(streaming);
  await streaming.settle();
  streaming.exchanges[0]?.send(startFrame());
  await streaming.settle();
  reading.aborter.abort(reason);
  await assert.rejects(reading.end, reason);
  assert.equal(streaming.openHandles, 0);

  const broken = streamingRelay(1);
  const waiting = follow(broken);
  await broken.settle();
  broken.exchanges[0]?.send(startFrame());
  broken.exchanges[0]?.close();
  await broken.settle();
  assert.equal(waiting.states.at(-1), 'reconnecting');
  waiting.aborter.abort(reason);
  await assert.rejects(waiting.end, reason);
  assert.equal(broken.openHandles, 0);

  await assert.rejects(
    followStream(
      question,
      {
        onState: () => undefined,
        onOpen: () => undefined,
        onEvent: () => undefined,
        onRestart: () => undefined,
      },
      { environment: new FakeRelay([]), signal: AbortSignal.abort(reason) },
    ),
    reason,
  );
});

test('followStream throws what its listener throws and takes it for no broken connection', async () => {
  const relay = streamingRelay(1);
  const fault = new Error('a mistake of the page');
  const end = followStream(
    question,
    {
      onState: () => undefined,
      onOpen: () => undefined,
      onEvent: () => {
        throw fault;
      },
      onRestart: () => undefined,
    },
    { environment: relay, signal: new AbortController().signal },
  );
  await relay.settle();
  relay.exchanges[0]?.send(startFrame());
  await assert.rejects(end, fault);
});

test('followStream gives the same text wherever the connection is cut', async () => {
  const pieces = ['The ', 'wheel ', 'turns ', '🎡', '.'];
  const frames = [startFrame(), ...pieces.map((piece, index) => textFrame(index + 2, piece)), stopFrame(7)];
  const body = frames.join('');
  for (let cut = 1; cut < body.length; cut += 1) {
    const relay = streamingRelay(2);
    const follower = follow(relay);
    await relay.settle();
    relay.exchanges[0]?.send(body.slice(0, cut));
    await relay.settle();
    relay.exchanges[0]?.close();
    await relay.pass(250);
    const lastId = relay.exchanges[1]?.headers.get('last-event-id') ?? undefined;
    relay.exchanges[1]?.send(frames.slice(eventSequence(lastId) ?? 0).join(''));
    assert.deepEqual(await follower.end, { type: 'ended' }, `cut at ${cut}`);
    assert.equal(follower.text(), pieces.join(''), `cut at ${cut}`);
  }
});

test('eventSequence reads the number behind the epoch and nothing else', () => {
  assert.equal(eventSequence('1732000000000-42'), 42);
  for (const id of [undefined, '', '42', 'a-1', '1-', '1-2-3', '-1']) {
    assert.equal(eventSequence(id), undefined, String(id));
  }
});
