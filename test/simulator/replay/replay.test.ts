import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { SimulatorError, startSimulator } from '../../../src/simulator/index.ts';
import type { Simulator } from '../../../src/simulator/index.ts';
import { post, toBody } from '../ask.ts';
import { rawAsk } from '../raw-ask.ts';
import { JumpingClock } from '../virtual-clock.ts';
import { openTestFolder, recordOnce } from '../recording/record.ts';
import type { Folder } from '../recording/record.ts';
import { sharedFolder, sharedSkip } from '../../support/requirements.ts';
import { readdirSync, readFileSync } from 'node:fs';

const stream =
  'event: ping\ndata: {"type": "ping"}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n';

/** A recording as somebody may write it by hand. */
function handWritten(content: unknown, changes: object = {}): object {
  return {
    millraceRecording: 1,
    recordedAt: '2026-11-21T05:50:12.390Z',
    upstream: 'https://api.anthropic.com',
    request: {
      method: 'POST',
      path: '/v1/messages',
      headers: {},
      bodyType: 'json',
      body: { model: 'm', messages: [{ role: 'user', content }] },
    },
    response: {
      status: 200,
      headers: { 'content-type': 'text/event-stream' },
      headMs: 10,
      bodyFile: 'body.sse',
      chunks: [
        [45_010, 20],
        [45_060, stream.length - 20],
      ],
    },
    ended: { how: 'complete', ms: 45_060 },
    ...changes,
  };
}

const asking = (content: unknown, more: object = {}): object => ({
  messages: [{ content, role: 'user' }],
  model: 'm',
  ...more,
});

/** A folder with one recording for each content, each answering with its own place. */
async function folderFor(contents: readonly unknown[]): Promise<Folder> {
  const folder = await openTestFolder();
  for (const [index, content] of contents.entries()) {
    const response = { status: 200, headers: {}, headMs: 0, bodyFile: `${index + 1}.txt`, chunks: [[0, 1]] };
    const recording = handWritten(content, { response, ended: { how: 'complete', ms: 0 } });
    await writeFile(join(folder.path, `000${index + 1}-messages.json`), JSON.stringify(recording));
    await writeFile(join(folder.path, `${index + 1}.txt`), String(index + 1));
  }
  return folder;
}

/** The body, and what the header says of where it is from. */
async function askFor(simulator: Simulator, body: object): Promise<[text: string, from: string | null]> {
  const response = await post(simulator, body);
  return [await response.text(), response.headers.get('x-simulator-replay')];
}

describe('startSimulator({ replay }) with a folder', () => {
  test('answers an equal request, whatever the order of its keys and its metadata', async () => {
    await using folder = await folderFor(['a', 'b']);
    await using simulator = await startSimulator({ replay: folder.path, match: 'strict' });
    const answer = await askFor(simulator, asking('b', { metadata: { user_id: 'me' } }));
    assert.deepEqual(answer, ['2', '0002-messages; equal']);
  });

  test('answers repeated requests with their recordings in order, then with the last one again', async () => {
    await using folder = await folderFor(['a', 'b', 'a']);
    await using simulator = await startSimulator({ replay: folder.path, match: 'strict' });
    const texts: string[] = [];
    for (let times = 0; times < 4; times += 1) texts.push((await askFor(simulator, asking('a')))[0]);
    assert.deepEqual(texts, ['1', '3', '3', '3']);
  });

  test('answers another request with the next of its path that was not replayed, and then with 404', async () => {
    await using folder = await folderFor(['a', 'b', 'c']);
    await using simulator = await startSimulator({ replay: folder.path });
    assert.deepEqual(await askFor(simulator, asking('b')), ['2', '0002-messages; equal']);
    assert.deepEqual(await askFor(simulator, asking('x')), ['1', '0001-messages; order']);
    assert.deepEqual(await askFor(simulator, asking('x')), ['3', '0003-messages; order']);
    assert.match((await askFor(simulator, asking('x')))[0], /not_found_error/);
  });

  test('says with 404 what was compared, and where it differs first', async () => {
    await using folder = await folderFor(['a', ['deep', { is: 1 }]]);
    await using simulator = await startSimulator({ replay: folder.path, match: 'strict' });
    const response = await post(simulator, asking('x'));
    assert.equal(response.status, 404);
    assert.equal(response.headers.get('x-simulator'), '1');
    const { error } = (await response.json()) as { error: { type: string; message: string } };
    assert.deepEqual(error, {
      type: 'not_found_error',
      message:
        'No recording of POST /v1/messages with an equal body: 2 compared, without metadata. 0001-messages.json ' +
        'differs first, at body.messages.0.content: "a" was recorded, "x" was asked',
    });
    const other = await fetch(`${simulator.url}/v1/models`);
    assert.match(
      await other.text(),
      /No recording of GET \/v1\/models: there is none of this method and path/,
    );
    await askFor(simulator, asking('a'));
    const deep = (await askFor(simulator, asking(['deep', { is: 2 }])))[0];
    assert.match(deep, /at body\.messages\.0\.content\.1\.is: 1 was recorded, 2 was asked/);
    const missing = (await askFor(simulator, asking(['deep'])))[0];
    assert.match(missing, /at body\.messages\.0\.content\.1: \{\\"is\\":1\} was recorded, nothing was asked/);
  });

  test('compares deep bodies, and none that is deeper than what is recorded', async () => {
    const deep = (depth: number): string => `${'['.repeat(depth)}1${']'.repeat(depth)}`;
    await using folder = await folderFor([JSON.parse(deep(150))]);
    await using simulator = await startSimulator({ replay: folder.path, match: 'strict' });
    const body = `{"model":"m","messages":[{"role":"user","content":${deep(150)}}]}`;
    assert.equal(await (await post(simulator, body)).text(), '1');
    assert.equal((await post(simulator, body.replace('"m"', '"n"'))).status, 404);
    const deeper = body.replace('[[', deep(100_000).slice(0, 100_000));
    assert.equal((await post(simulator, deeper)).status, 404);
  });

  test('sends the head at its time, long before the body, and no pings of its own', async () => {
    await using folder = await openTestFolder();
    await using second = await openTestFolder();
    await writeFile(join(folder.path, 'by-hand.json'), JSON.stringify(handWritten('a')));
    await writeFile(join(folder.path, 'body.sse'), stream);
    const { seen } = await recordOnce(second, {
      asking: { body: asking('a') },
      options: { replay: folder.path },
    });
    assert.equal(seen.body, stream);
    assert.deepEqual(seen.pieces, [
      [45_010, 20],
      [45_060, stream.length - 20],
    ]);
    assert.match((await second.read('0001-messages.json')).toString(), /"headMs": 10,/);
  });

  test('has the faults that are asked for, counted in events wherever the recording was cut', async () => {
    await using folder = await openTestFolder();
    await writeFile(join(folder.path, 'by-hand.json'), JSON.stringify(handWritten('a')));
    await writeFile(join(folder.path, 'body.sse'), stream);
    await using simulator = await startSimulator({ replay: folder.path, speed: 0 });
    const faulty = (fault: object): ReturnType<typeof rawAsk> =>
      rawAsk(simulator, asking('a'), { 'x-simulator-fault': JSON.stringify(fault) });
    const cut = await faulty({ kind: 'cut', atEvent: 1 });
    assert.equal(cut.body.toString(), stream.slice(0, stream.indexOf('event: message_stop')));
    assert.equal(cut.isComplete, false);
    assert.match((await faulty({ kind: 'status', status: 529 })).head, /^HTTP\/1\.1 529/);
    assert.equal((await faulty({ kind: 'crlf' })).body.toString(), stream.replaceAll('\n', '\r\n'));
    assert.match((await faulty({ kind: 'rate_limit', requests: 1 })).head, /^HTTP\/1\.1 200/);
    assert.match((await faulty({ kind: 'rate_limit', requests: 1 })).head, /^HTTP\/1\.1 429/);
  });

  test('breaks off where the recorder was killed, with whatever bytes there are', async () => {
    for (const [bytes, ended] of [
      [stream.slice(0, 30), { how: 'unknown' }],
      [`${stream}more`, { how: 'unknown' }],
    ] as const) {
      await using folder = await openTestFolder();
      await writeFile(join(folder.path, '0001.json'), JSON.stringify(handWritten('a', { ended })));
      await writeFile(join(folder.path, '0002.json'), '');
      await writeFile(join(folder.path, 'body.sse'), bytes);
      await using simulator = await startSimulator({ replay: folder.path, speed: 0 });
      const { body, isComplete } = await rawAsk(simulator, asking('a'));
      assert.deepEqual([body.toString(), isComplete], [bytes, false]);
    }
    await using folder = await openTestFolder();
    const nothing = handWritten('a', { response: null, ended: { how: 'unknown' } });
    await writeFile(join(folder.path, '0001.json'), JSON.stringify(nothing));
    await using simulator = await startSimulator({ replay: folder.path, speed: 0 });
    assert.deepEqual(await rawAsk(simulator, asking('a')).then(({ head, end }) => [head, end]), ['', 'fin']);
  });

  test('takes one recording, and paces it by events when its times are left out', async () => {
    await using folder = await openTestFolder();
    const { response } = handWritten('a') as { response: object };
    const file = join(folder.path, 'one.json');
    const untimed = { ...response, chunks: undefined };
    await writeFile(file, JSON.stringify(handWritten('a', { response: untimed })));
    await writeFile(join(folder.path, 'body.sse'), stream);
    await using simulator = await startSimulator({ replay: file, speed: 0 });
    assert.equal((await askFor(simulator, asking('a')))[0], stream);
    assert.equal(simulator.requests[0]?.eventsSent, 2);
  });

  test('answers 500 for a body that was taken away since, and goes on', async () => {
    await using folder = await folderFor(['a', 'b']);
    await using simulator = await startSimulator({ replay: folder.path });
    await rm(join(folder.path, '1.txt'));
    const warned = new Promise((resolve) => process.once('warning', resolve));
    assert.equal((await post(simulator, asking('a'))).status, 500);
    assert.match(String(await warned), /1\.txt/);
    assert.equal((await askFor(simulator, asking('b')))[0], '2');
  });
});

describe('startSimulator({ replay }) says what is wrong with a recording', () => {
  const valid = handWritten('a') as { request: object; response: object };
  const broken: Readonly<Record<string, unknown>> = {
    'it: an object is wanted': [],
    'millraceRecording: a number from 0 is wanted': {},
    'millraceRecording: 1, not 2, is wanted': { ...valid, millraceRecording: 2 },
    'request: an object is wanted': { ...valid, request: 1 },
    'request.method: a text is wanted': { ...valid, request: { ...valid.request, method: 1 } },
    'request.headers.a: a text is wanted': { ...valid, request: { ...valid.request, headers: { a: 1 } } },
    'request.bodyType: one of json, text, base64, none, omitted is wanted': {
      ...valid,
      request: { ...valid.request, bodyType: 'yaml' },
    },
    'request.body: a value is wanted': { ...valid, request: { ...valid.request, body: undefined } },
    'response.status: a number from 200 to 599 is wanted': {
      ...valid,
      response: { ...valid.response, status: 20 },
    },
    'response.headers.a: a header is wanted': {
      ...valid,
      response: { ...valid.response, headers: { a: 'one\ntwo' } },
    },
    'response.bodyFile: the name of a file beside it is wanted': {
      ...valid,
      response: { ...valid.response, bodyFile: '../x' },
    },
    'response.chunks.1: [milliseconds, bytes] is wanted': {
      ...valid,
      response: { ...valid.response, chunks: [[20, 1], [30]] },
    },
    'response.chunks.1: a time from 20 ms on is wanted': {
      ...valid,
      response: {
        ...valid.response,
        chunks: [
          [20, 1],
          [19, 1],
        ],
      },
    },
    'response.bodyFile: there is no': { ...valid, response: { ...valid.response, bodyFile: 'no.sse' } },
    'ended.how: one of complete, cut, reader_left, unreachable, unknown is wanted': {
      ...valid,
      ended: { how: 'well' },
    },
    'ended.by: one of fin, rst is wanted': { ...valid, ended: { how: 'cut', ms: 1 } },
    'response.chunks: they add up to 87 bytes, and body.sse has 88': valid,
  };

  for (const [reason, recording] of Object.entries(broken)) {
    test(reason, async () => {
      await using folder = await openTestFolder();
      const file = join(folder.path, '0001-messages.json');
      await writeFile(file, JSON.stringify(recording));
      await writeFile(join(folder.path, 'body.sse'), `${stream}x`);
      await assert.rejects(
        startSimulator({ replay: folder.path }),
        (error) =>
          error instanceof SimulatorError &&
          error.code === 'bad_recording' &&
          error.message.startsWith(`Cannot replay ${file}: ${reason}`),
      );
    });
  }

  test('that it is not JSON, or that there is none', async () => {
    await using folder = await openTestFolder();
    await assert.rejects(startSimulator({ replay: folder.path }), /the folder has no recordings/);
    await writeFile(join(folder.path, '0001-messages.json'), '{');
    await assert.rejects(startSimulator({ replay: folder.path }), /0001-messages\.json: it is not JSON/);
    await assert.rejects(startSimulator({ replay: join(folder.path, 'no.sse') }), /ENOENT/);
  });
});

test('docs/recordings.md shows a recording as it is', async () => {
  const docs = readFileSync(new URL('../../../docs/recordings.md', import.meta.url), 'utf8');
  const example = /```json\n([^`]*)```/.exec(docs)?.[1] ?? '';
  await using folder = await openTestFolder();
  await writeFile(join(folder.path, '0001-messages.json'), example);
  await writeFile(join(folder.path, '0001-messages.sse'), 'x'.repeat(950));
  await using simulator = await startSimulator({ replay: folder.path, speed: 0, match: 'strict' });
  const body = { max_tokens: 1024, messages: [], stream: true, model: 'claude-sonnet-5' };
  const { body: bytes, chunkSizes } = await rawAsk(simulator, body);
  assert.deepEqual([bytes.length, chunkSizes], [950, [22, 783, 145]]);
});

describe('startSimulator({ replay }) with a stream that has times beside it', () => {
  /** The folder of a stream, with a file of times of the name given. */
  async function streamWith(name: string, times: object): Promise<Folder & { file: string }> {
    const folder = await openTestFolder();
    const file = join(folder.path, 'body.sse');
    await writeFile(file, stream);
    await writeFile(join(folder.path, name), JSON.stringify(times));
    return Object.assign(folder, { file });
  }

  const lengths = [20, stream.length - 20];
  const timesAlone = { chunks: lengths, chunkTimings_ms: [0, 50] };

  /** How long the answer takes at double speed. */
  async function replayedMs(name: string, times: object): Promise<number> {
    const clock = new JumpingClock();
    await using folder = await streamWith(name, times);
    await using simulator = await startSimulator({ replay: folder.file, speed: 2, clock });
    const startMs = clock.now();
    const { body, chunkSizes } = await rawAsk(simulator, toBody('Hi', { stream: true }));
    assert.deepEqual([body.toString(), chunkSizes], [stream, lengths]);
    return clock.now() - startMs;
  }

  test('gives its pieces at their times, scaled, whichever file has them', async () => {
    assert.equal(await replayedMs('body.json', handWritten('a')), 45_060 / 2);
    // When the first byte came is not in the file.
    const firstByteMs = await replayedMs('body.timing.json', { ...timesAlone, chunkTimings_ms: [0, 0] });
    assert.equal(await replayedMs('body.timing.json', timesAlone), firstByteMs + 25);
  });

  test('breaks off where it broke off, and has the faults that are asked for', async () => {
    const ended = { how: 'cut', by: 'rst', ms: 45_060 };
    await using folder = await streamWith('body.json', handWritten('a', { ended }));
    await using simulator = await startSimulator({ replay: folder.file, speed: 0 });
    const { body, end } = await rawAsk(simulator, toBody('Hi', { stream: true }));
    assert.deepEqual([body.toString(), end], [stream, 'rst']);
    const cut = await rawAsk(simulator, toBody('Hi', { stream: true }), {
      'x-simulator-fault': '{"kind": "cut", "atEvent": 1}',
    });
    assert.equal(cut.body.toString(), stream.slice(0, stream.indexOf('event: message_stop')));
  });

  test('goes by a pace that is asked for, and by files of times that are its own', async () => {
    await using folder = await streamWith('body.json', { ...handWritten('a'), response: null });
    await writeFile(join(folder.path, 'body.timing.json'), JSON.stringify(timesAlone));
    const clock = new JumpingClock();
    const pace = { firstByteMs: 7, tokensPerSecond: 10 };
    await using simulator = await startSimulator({ replay: folder.file, pace, clock });
    const startMs = clock.now();
    const { body, chunkSizes } = await rawAsk(simulator, toBody('Hi', { stream: true }));
    assert.deepEqual([body.toString(), chunkSizes], [stream, [stream.length]]);
    assert.equal(clock.now() - startMs, 7);
  });

  test('is refused with times of another', async () => {
    for (const [name, times, reason] of [
      ['body.timing.json', { chunks: [1], chunkTimings_ms: [0] }, 'the times beside it are those of 1'],
      ['body.timing.json', { chunks: [1, 2], chunkTimings_ms: [0] }, 'two lists of as many numbers'],
      ['body.json', handWritten('a', { response: { ...responseOf(handWritten('a')), chunks: [] } }), 'of 0'],
    ] as const) {
      await using folder = await streamWith(name, times);
      await assert.rejects(startSimulator({ replay: folder.file }), (error: SimulatorError) => {
        assert.equal(error.code, 'bad_recording');
        assert.ok(error.message.includes(reason), error.message);
        return true;
      });
    }
  });

  const responseOf = (recording: object): object => (recording as { response: object }).response;
});

describe('startSimulator({ replay }) with a recorded stream', { skip: sharedSkip() }, () => {
  test('gives real ones back byte for byte', async () => {
    const folder = join(sharedFolder()!, 'streams/recorded');
    const files = readdirSync(folder).filter((file, index) => index % 20 === 0 && file.endsWith('.sse'));
    assert.ok(files.length >= 15, `${files.length} streams`);
    for (const file of files) {
      await using simulator = await startSimulator({ speed: 0, replay: join(folder, file) });
      const response = await post(simulator, toBody('Hi', { stream: true }));
      assert.deepEqual(Buffer.from(await response.arrayBuffer()), readFileSync(join(folder, file)), file);
    }
  });
});
