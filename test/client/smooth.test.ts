import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { smooth } from 'millrace/client';
import type { SmoothOptions } from 'millrace/client';
import { SteppedClock } from '../support/stepped-clock.ts';

interface Burst {
  readonly afterMs: number;
  readonly text: string;
}

/** A source that gives each text after a time; it ends, or fails with `error`, right behind the last. */
async function* bursts(clock: SteppedClock, items: readonly Burst[], error?: Error): AsyncGenerator<string> {
  for (const { afterMs, text } of items) {
    if (afterMs > 0) await new Promise<void>((resolve) => clock.setTimer(resolve, afterMs));
    yield text;
  }
  if (error !== undefined) throw error;
}

interface Shown {
  readonly atMs: number;
  readonly text: string;
}

/** What is shown and when; how it ended and when. */
async function show(
  items: readonly Burst[],
  { error, ...options }: SmoothOptions & { error?: Error } = {},
): Promise<{ shown: Shown[]; endedAtMs: number; error: unknown }> {
  const clock = new SteppedClock();
  const shown: Shown[] = [];
  const end = { atMs: -1, error: undefined as unknown };
  const reading = (async () => {
    try {
      for await (const text of smooth(bursts(clock, items, error), {
        clock,
        reducedMotion: false,
        ...options,
      }))
        shown.push({ atMs: clock.now(), text });
    } catch (caught) {
      end.error = caught;
    }
    end.atMs = clock.now();
  })();
  for (let step = 0; end.atMs < 0 && step < 1000; step += 1) await clock.pass(100);
  await reading;
  return { shown, endedAtMs: end.atMs, error: end.error };
}

const durationOf = (items: readonly Burst[]): number => items.reduce((sum, { afterMs }) => sum + afterMs, 0);

const anyText = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.constantFrom('é', '́', '👩‍', '👩', '🇨🇭', '🇨', '\r', '\n', '水車', 'कि', '\u{1F3FD}'),
);
const anyBursts = fc.array(fc.record({ afterMs: fc.integer({ min: 0, max: 240 }), text: anyText }), {
  maxLength: 12,
});

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

test('smooth() 1. gives exactly the source’s text, also when it fails: then before the error', async () => {
  const mine = new Error('mine');
  await fc.assert(
    fc.asyncProperty(anyBursts, fc.constantFrom(undefined, mine), async (items, error) => {
      const { shown, error: seen } = await show(items, error === undefined ? {} : { error });
      assert.equal(shown.map(({ text }) => text).join(''), items.map(({ text }) => text).join(''));
      assert.equal(seen, error);
    }),
    { numRuns: 40 },
  );
});

test('smooth() 2. holds the first piece back for nothing, and the end for at most 250 ms', async () => {
  await fc.assert(
    fc.asyncProperty(anyBursts, async (items) => {
      const { shown, endedAtMs } = await show([{ afterMs: 0, text: 'Hello' }, ...items]);
      assert.equal(shown[0]?.atMs, 0);
      assert.ok(endedAtMs <= durationOf(items) + 250, `${endedAtMs} for ${durationOf(items)}`);
    }),
    { numRuns: 40 },
  );
  const { endedAtMs, error } = await show([{ afterMs: 0, text: 'x'.repeat(60_000) }], {
    error: new Error('mine'),
  });
  assert.ok(endedAtMs <= 250 && endedAtMs >= 100, `${endedAtMs}`);
  assert.ok(error instanceof Error);
  // More than it holds back at a time: the source does not wait for the display.
  const flood = Array.from({ length: 200 }, () => ({ afterMs: 1, text: 'é'.repeat(10_000) }));
  const flooded = await show(flood);
  assert.ok(flooded.endedAtMs <= durationOf(flood) + 250, `${flooded.endedAtMs}`);
  for (const maxDelayMs of [0, 40]) {
    const ended = await show([{ afterMs: 0, text: 'x'.repeat(500) }], { maxDelayMs });
    assert.ok(ended.endedAtMs <= maxDelayMs, `${ended.endedAtMs} of ${maxDelayMs}`);
  }
});

test('smooth() 3. ends no piece within a grapheme cluster, however the source is cut', async () => {
  await fc.assert(
    fc.asyncProperty(anyBursts, async (items) => {
      const { shown } = await show(items);
      const whole = items.map(({ text }) => text).join('');
      const boundaries = new Set([...graphemes.segment(whole)].map(({ index }) => index));
      let position = 0;
      for (const { text } of shown) {
        assert.ok(boundaries.has(position), `${JSON.stringify(whole)} at ${position}`);
        position += text.length;
      }
    }),
    { numRuns: 40 },
  );
});

test('smooth() 3. shows the last character when the source pauses, but for half of a surrogate pair', async () => {
  const pausing = [
    { afterMs: 0, text: 'ab' },
    { afterMs: 5000, text: 'c\ud83c' },
    { afterMs: 5000, text: '\udf0a!' },
  ];
  const { shown } = await show(pausing);
  assert.deepEqual(
    shown.map(({ atMs, text }) => [atMs, text]),
    [
      [0, 'a'],
      [250, 'b'],
      [5000, 'c'],
      [10_000, '🌊!'],
    ],
  );
});

test('smooth() spreads bursts: a steady text comes in many pieces, none of them most of a burst', async () => {
  const items = Array.from({ length: 10 }, () => ({ afterMs: 200, text: 'word and word '.repeat(10) }));
  const { shown } = await show(items);
  assert.ok(shown.length > 40, `${shown.length} pieces of 10 bursts`);
  assert.ok(Math.max(...shown.map(({ text }) => text.length)) < 70);
  const gaps = shown.slice(1).map(({ atMs }, index) => atMs - (shown[index]?.atMs ?? 0));
  assert.ok(Math.max(...gaps) <= 70, `${Math.max(...gaps)} ms without text`);
});

test('smooth() asks for no timer in the past, also when time goes on while it looks at the clock', async () => {
  const delays: number[] = [];
  let nowMs = 0;
  const clock = {
    now: () => (nowMs += 20),
    setTimer: (callback: () => void, delayMs: number) => {
      delays.push(delayMs);
      setImmediate(callback);
      return () => undefined;
    },
  };
  const source = bursts(new SteppedClock(), [{ afterMs: 0, text: 'word and word '.repeat(20) }]);
  let text = '';
  for await (const piece of smooth(source, { clock, reducedMotion: false })) text += piece;
  assert.equal(text, 'word and word '.repeat(20));
  assert.ok(delays.length > 0 && Math.min(...delays) >= 0, delays.join(' '));
});

test('smooth() passes everything through as it comes where motion is reduced', async (t) => {
  const items = [
    { afterMs: 0, text: 'x'.repeat(1000) },
    { afterMs: 10, text: 'é' },
  ];
  const { shown } = await show(items, { reducedMotion: true });
  assert.deepEqual(
    shown,
    items.map(({ afterMs, text }) => ({ atMs: afterMs, text })),
  );
  const scope = globalThis as { matchMedia?: unknown };
  t.after(() => {
    delete scope.matchMedia;
  });
  scope.matchMedia = (query: string) => ({ matches: query === '(prefers-reduced-motion: reduce)' });
  async function* source() {
    yield 'x'.repeat(1000);
  }
  const pieces: string[] = [];
  for await (const text of smooth(source())) pieces.push(text);
  assert.equal(pieces.length, 1);
});

test('smooth() 4. leaves the source’s loop when its own is left', async () => {
  const clock = new SteppedClock();
  let isLeft = false;
  async function* source() {
    try {
      for (;;) yield 'Hello ';
    } finally {
      isLeft = true;
    }
  }
  for await (const text of smooth(source(), { clock, reducedMotion: false })) if (text !== '') break;
  assert.equal(isLeft, true);
});

test('smooth() lets the source wait when its own reader does', async () => {
  const clock = new SteppedClock();
  let given = 0;
  async function* source() {
    for (;;) {
      given += 1;
      yield 'x'.repeat(10_000);
    }
  }
  const loop = smooth(source(), { clock, reducedMotion: false });
  await loop.next();
  await clock.pass(1000);
  assert.ok(given < 10, `${given} pieces were read ahead`);
  await loop.return?.();
});

test('smooth() refuses options out of range', () => {
  async function* source() {
    yield '';
  }
  assert.throws(() => smooth(source(), { maxDelayMs: 251 }), RangeError);
  assert.throws(() => smooth(source(), { frameMs: 0 }), RangeError);
});
