// The simulator's streams beside recorded ones: what is fixed is the same, what varies is distributed alike. Distances
// are those of Kolmogorov and Smirnov, between two samples. Drawn from fixed seeds: every run has the same figures.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { constants, gunzipSync } from 'node:zlib';

import { startSimulator, VirtualClock } from '../../src/simulator/index.ts';
import type { Simulator } from '../../src/simulator/index.ts';
import { familyOf } from '../../src/simulator/model-family.ts';
import type { ModelFamily } from '../../src/simulator/model-family.ts';
import { anyJson, deltaProfiles } from '../../src/simulator/delta-profiles.ts';
import { fitDeltaProfiles } from '../../scripts/fit-delta-profiles.ts';
import { blocksOf, deltaSizesOf, readEvents, readRecordedStreams } from '../../scripts/recorded-streams.ts';
import type { DeltaSizes, RecordedEvent, RecordedStream } from '../../scripts/recorded-streams.ts';
import { sharedFolder, sharedSkip } from '../support/requirements.ts';
import { askText, bodies, toBody } from './ask.ts';
import { rawAsk } from './raw-ask.ts';

const skip = sharedSkip();
const folder = join(sharedFolder() ?? '', 'streams');
const recorded: readonly RecordedStream[] = skip === false ? readRecordedStreams(folder) : [];
/** With every byte the API sent, its padding included. */
const exact = recorded.filter(({ isExact }) => isExact);

/** One model of each family. */
const models = {
  '3-haiku': 'claude-3-haiku-20240307',
  '3-opus': 'claude-3-opus-latest',
  '3.5-haiku': 'claude-3-5-haiku-latest',
  '3.5-sonnet': 'claude-3-5-sonnet-20240620',
  '3.7-sonnet': 'claude-3-7-sonnet-latest',
  'haiku-4.5': 'claude-haiku-4-5',
  'opus-4.1': 'claude-opus-4-1',
  'sonnet-4': 'claude-sonnet-4-0',
  'sonnet-4.5': 'claude-sonnet-4-5',
  'sonnet-4.6': 'claude-sonnet-4-6',
  'sonnet-5': 'claude-sonnet-5',
} satisfies Record<ModelFamily, string>;

/** The greatest difference between the shares of two samples that are at most so large. */
function distance(one: readonly number[], other: readonly number[]): number {
  const [a, b] = [one.toSorted((x, y) => x - y), other.toSorted((x, y) => x - y)];
  const shareUpTo = (sorted: readonly number[], value: number): number => {
    const above = sorted.findIndex((each) => each > value);
    return (above < 0 ? sorted.length : above) / sorted.length;
  };
  const differences = [...new Set([...a, ...b])].map((value) =>
    Math.abs(shareUpTo(a, value) - shareUpTo(b, value)),
  );
  return Math.max(...differences);
}

test('distance() is 0 between equal samples, 1 between those that do not overlap, and what lies between', () => {
  assert.equal(distance([1, 2, 3], [3, 2, 1, 1, 2, 3]), 0);
  assert.equal(distance([1, 2], [3]), 1);
  assert.equal(distance([1, 1, 1, 2], [1, 2, 2, 2]), 0.5);
});

async function askEvents(simulator: Simulator, body: object): Promise<RecordedEvent[]> {
  return readEvents(await askText(simulator, body));
}

/** Every kind of answer the simulator has, once. */
async function askAll(): Promise<{ events: RecordedEvent[] }[]> {
  await using simulator = await startSimulator({ speed: 0 });
  const answers = [];
  for (const body of Object.values(bodies)) answers.push({ events: await askEvents(simulator, body) });
  return answers;
}

test('delta-profiles.ts is what scripts/fit-delta-profiles.ts makes of the recordings', { skip }, () => {
  assert.deepEqual(fitDeltaProfiles(folder), { profiles: deltaProfiles, anyJson });
});

describe('generated streams beside recorded ones', { skip }, () => {
  test('have their order of events', async () => {
    const letters: Readonly<Record<string, string>> = {
      message_start: 'M',
      content_block_start: 'S',
      content_block_delta: 'D',
      content_block_stop: 'E',
      message_delta: 'U',
      message_stop: 'X',
      ping: '',
    };
    const generated = await askAll();
    const whole = exact.filter(({ events }) => events.at(-1)?.data.type === 'message_stop');
    assert.ok(whole.length > 150, `${whole.length} recordings`);
    for (const { events } of [...whole, ...generated]) {
      assert.match(events.map(({ data }) => letters[data.type] ?? '?').join(''), /^M(?:SD*E)*UX$/);
    }
  });

  test('have the first ping where all recordings since February 2026 have it, and no other', async () => {
    const pingPlaces = (events: readonly RecordedEvent[]): number[] =>
      events.flatMap(({ data }, place) => (data.type === 'ping' ? [place] : []));
    const hasBlock = ({ events }: { events: readonly RecordedEvent[] }): boolean =>
      events.some(({ data }) => data.type === 'content_block_start');
    const since = exact.filter(({ recordedAtMs }) => recordedAtMs >= Date.UTC(2026, 1, 1)).filter(hasBlock);
    assert.ok(since.length >= 30, `${since.length} recordings`);
    for (const { events, file } of since) assert.equal(pingPlaces(events)[0], 2, file);
    for (const { events } of (await askAll()).filter(hasBlock)) assert.deepEqual(pingPlaces(events), [2]);
  });

  test('have the keys of the newest recordings, in their order', async () => {
    const newest = exact.filter(({ recordedAtMs }) => recordedAtMs >= Date.UTC(2026, 9, 1));
    assert.ok(newest.length >= 3, `${newest.length} recordings`);
    await using simulator = await startSimulator({ speed: 0 });
    for (const { events, model } of newest) {
      const generated = await askEvents(simulator, toBody('echo Hello there', { model }));
      const expected = new Set(events.map(({ json }) => shapeOf(JSON.parse(json))));
      assert.deepEqual(new Set(generated.map(({ json }) => shapeOf(JSON.parse(json)))), expected);
    }
  });

  test('have in each object the order of keys of all recordings since October 2025', async () => {
    const generated = (await askAll()).flatMap(({ events }) => pathsOf(events));
    const since = exact.filter(({ events }) => Object.keys(events[0]?.data.message ?? {})[0] === 'model');
    assert.ok(since.length >= 60, `${since.length} recordings`);
    let compared = 0;
    for (const [path, keys] of since.flatMap(({ events }) => pathsOf(events))) {
      for (const [, own] of generated.filter(([ownPath]) => ownPath === path)) {
        const common = keys.filter((key) => own.includes(key));
        assert.deepEqual(
          own.filter((key) => common.includes(key)),
          common,
          path,
        );
        compared += 1;
      }
    }
    assert.ok(compared > 1000, `${compared} objects`);
  });

  test('have their padding', async () => {
    const paddingsOf = (streams: readonly { events: readonly RecordedEvent[] }[]): number[] =>
      streams
        .flatMap(({ events }) => events)
        .filter(({ data }) => data.type !== 'ping')
        .map(({ json }) => / *(?=\}$)/.exec(json)?.[0].length ?? 0);
    await using simulator = await startSimulator({ speed: 0 });
    const generated = paddingsOf([{ events: await askEvents(simulator, toBody('long 8000')) }]);
    const theirs = paddingsOf(exact);
    assert.ok(theirs.length > 3000, `${theirs.length} recorded paddings`);
    assert.ok(distance(generated, theirs) <= 0.03, `${distance(generated, theirs)}`);
  });
});

/** The keys of an event's objects, in their order, without any values; an error says which is missing. */
function shapeOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(shapeOf).join()}]`;
  if (typeof value !== 'object' || value === null) return '';
  return `{${Object.entries(value).map(([key, each]) => (key === 'type' ? `type=${each}` : key + shapeOf(each)))}}`;
}

/** Each different object of the events: where it stands, and its keys in their order. */
function pathsOf(events: readonly RecordedEvent[]): readonly [path: string, keys: readonly string[]][] {
  const found = new Map<string, [string, string[]]>();
  const visit = (path: string, value: unknown): void => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
    const { type } = value as { type?: unknown };
    const place = typeof type === 'string' ? `${path}(${type})` : path;
    const keys = Object.keys(value);
    found.set(`${place} ${keys}`, [place, keys]);
    // What tools take and bring is theirs.
    for (const [key, each] of Object.entries(value)) if (key !== 'input') visit(`${place}.${key}`, each);
  };
  for (const { json } of events) visit('', JSON.parse(json));
  return [...found.values()];
}

/** So many recorded deltas at least make a comparison. */
const leastSamples = 60;

/** All recorded text of a family in a row: so that what the deltas carry is not what tells them apart. */
function textOf(streams: readonly RecordedStream[], kind: 'text' | 'thinking' | 'json'): string {
  return streams
    .flatMap(({ events }) => blocksOf(events))
    .filter((block) => block.kind === kind)
    .map(({ pieces }) => pieces.join(''))
    .join(' ');
}

/** Text by an echo, tool input by a schema whose only value it is, thinking as the simulator has it. */
async function generate(family: ModelFamily, own: readonly RecordedStream[]): Promise<DeltaSizes> {
  await using simulator = await startSimulator({ speed: 0 });
  const ask = (prompt: string, changes: object = {}): Promise<RecordedEvent[]> =>
    askEvents(simulator, toBody(prompt, { model: models[family], max_tokens: 4096, ...changes }));
  const json = { properties: { content: { enum: [textOf(own, 'json').slice(0, 10_000)] } } };
  const tools = [{ name: 'save', input_schema: { type: 'object', ...json } }];
  const text = textOf(own, 'text');
  const answers = [];
  for (let start = 0; start < 3; start += 1) {
    answers.push(await ask(`echo ${text.slice(start * 1000, start * 1000 + 14_000)}`));
    answers.push(await ask('long 900'), await ask('use a tool', { tools }));
  }
  for (let count = 0; count < 40; count += 1) answers.push(await ask(`think about question ${count}`));
  return deltaSizesOf(answers.map((events) => ({ events })));
}

describe('delta sizes', { skip }, () => {
  for (const [name, model] of Object.entries(models)) {
    const family = name as ModelFamily;
    const own = exact.filter(
      (stream) => stream.model.startsWith('claude') && familyOf(stream.model) === family,
    );
    const theirs = deltaSizesOf(own);
    const kinds = (['text', 'thinking', 'json'] as const).filter(
      (kind) => theirs[kind].length >= leastSamples,
    );
    const tooFew = kinds.length === 0 && `fewer than ${leastSamples} recorded deltas of each kind`;
    test(
      `of ${model} are distributed as recorded: ${kinds.join(', ')}`,
      { skip: skip || tooFew },
      async () => {
        const generated = await generate(family, own);
        for (const kind of kinds) {
          const found = distance(generated[kind], theirs[kind]);
          assert.ok(
            found <= 0.1,
            `${kind}: ${found} between ${generated[kind].length} and ${theirs[kind].length} recorded`,
          );
        }
      },
    );
  }
});

/** Per read, as the recorder of these streams saw them; all of claude-sonnet-4-6, in October 2026. */
function readTimings(): { chunks: number[]; text: string | undefined }[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.timing.json'))
    .map((file) => {
      const { chunks } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as { chunks: number[] };
      const stream = recorded.find((each) => each.file === file.replace('.timing.json', '.sse'));
      return { chunks, text: stream && readFileSync(join(folder, 'recorded', stream.file), 'utf8') };
    });
}

/** How many events end in each read. */
function eventsPerRead(text: string, chunks: readonly number[]): number[] {
  const bytes = Buffer.from(text);
  let position = 0;
  return chunks.map((size) => {
    position += size;
    return bytes.toString('utf8', position - size, position).split('\n\n').length - 1;
  });
}

describe('reads', { skip }, () => {
  const timings = skip === false ? readTimings() : [];
  const phrases =
    'The ALPHA team completed all 7 missions without a single failure. Its second crew was late, yet ';

  test('at the pace of a model are those that were recorded: by events, and about those by bytes', async () => {
    const clock = new VirtualClock();
    await using simulator = await startSimulator({ clock });
    const own = { chunks: [] as number[], events: [] as number[] };
    for (let count = 0; count < 150; count += 1) {
      // As many deltas as the recorded answers have, which are one to three sentences.
      const prompt = `echo ${phrases.repeat(3).slice(0, 130 + (count % 4) * 20)}`;
      const body = toBody(prompt, { stream: true, max_tokens: 500 });
      const reply = await clock.runUntil(rawAsk(simulator, body));
      own.chunks.push(...reply.chunkSizes);
      own.events.push(...eventsPerRead(reply.body.toString(), reply.chunkSizes));
    }
    const theirs = timings.flatMap(({ text, chunks }) =>
      text === undefined ? [] : eventsPerRead(text, chunks),
    );
    assert.ok(theirs.length >= 20, `${theirs.length} recorded reads`);
    assert.ok(distance(own.events, theirs) <= 0.1, `by events: ${distance(own.events, theirs)}`);
    // 34 reads of four short answers, whose deltas are smaller than those of their family.
    const chunks = timings.flatMap((timing) => timing.chunks);
    assert.ok(distance(own.chunks, chunks) <= 0.15, `by bytes: ${distance(own.chunks, chunks)}`);
  });

  test('begin with 22 bytes that end within the name of a field, at any speed, with gzip and without', async () => {
    assert.deepEqual(
      timings.map(({ chunks }) => chunks[0]),
      timings.map(() => 22),
    );
    for (const speed of [0, 1]) {
      const clock = new VirtualClock();
      await using simulator = await startSimulator({ speed, clock });
      const ask = (headers: Record<string, string>) =>
        clock.runUntil(rawAsk(simulator, toBody('Hi', { stream: true }), headers));
      const { chunks: plain } = await ask({});
      assert.equal(plain[0]?.toString(), 'event: message_start\nd');
      const { chunks: compressed } = await ask({ 'accept-encoding': 'gzip' });
      const first = gunzipSync(compressed[0] ?? '', { finishFlush: constants.Z_SYNC_FLUSH });
      assert.equal(first.toString(), 'event: message_start\nd');
    }
  });
});

describe('headers', { skip }, () => {
  test('are those of a recorded answer, in its order and letters, and only x-simulator besides', async () => {
    const lines = gunzipSync(readFileSync(join(folder, 'headers.jsonl.gz')))
      .toString()
      .trimEnd()
      .split('\n');
    const recordedNames = lines
      .map((line) => Object.keys((JSON.parse(line) as { headers: object | null }).headers ?? {}))
      // The only recorder that kept both order and letters, with everything there has been since August 2026.
      .filter(
        (names) =>
          names[0] === 'Date' && names.includes('traceresponse') && names.includes('Content-Encoding'),
      );
    assert.ok(recordedNames.length >= 5, `${recordedNames.length} recorded heads`);
    await using simulator = await startSimulator({ speed: 0 });
    const { head } = await rawAsk(simulator, toBody('Hi', { stream: true }), { 'accept-encoding': 'gzip' });
    const names = head
      .split('\r\n')
      .slice(1)
      .map((line) => line.slice(0, line.indexOf(':')));
    // The order of the limits varies from answer to answer; that of everything else does not.
    const isOther = (name: string): boolean => !name.startsWith('anthropic-ratelimit-');
    for (const expected of recordedNames) {
      assert.deepEqual(names.filter(isOther), [...expected.filter(isOther), 'x-simulator']);
      assert.deepEqual(names.toSorted(), [...expected, 'x-simulator'].toSorted());
    }
    assert.ok(recordedNames.some((expected) => expected.join() === names.slice(0, -1).join()));
  });
});
