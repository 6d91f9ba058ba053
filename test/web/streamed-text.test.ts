import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StreamedText } from '../../src/web/streamed-text.ts';
import { FakeFrames } from './fake-frames.ts';

/** A body that writes down what is done with it, and takes `drawMs` for each drawing. */
function setUp(options: { isSmooth?: boolean; drawMs?: number } = {}) {
  const frames = new FakeFrames();
  const calls: string[] = [];
  let shown = '';
  const draw = (what: string): void => {
    calls.push(`${what} ${shown.length}`);
    frames.nowMs += options.drawMs ?? 0;
  };
  const text = new StreamedText(
    {
      push: (piece) => {
        shown += piece;
      },
      draw: () => {
        draw('draw');
      },
      finish: () => {
        draw('finish');
      },
    },
    { frames, isSmooth: () => options.isSmooth ?? true },
  );
  return { text, frames, calls, shown: () => shown };
}

test('StreamedText shows a quarter of the backlog in each frame, at least three characters', () => {
  const { text, frames, calls } = setUp();
  text.show('x'.repeat(100));
  frames.run(5);
  assert.deepEqual(calls, ['draw 25', 'draw 44', 'draw 58', 'draw 69', 'draw 77']);
  frames.run(100);
  assert.equal(calls.at(-1), 'draw 100');
  assert.equal(frames.isWaiting, false, 'it asks for no frame when there is nothing to show');
  text.show('x'.repeat(104));
  frames.run(2);
  assert.deepEqual(calls.slice(-2), ['draw 103', 'draw 104']);
});

test('StreamedText draws once a frame, however often the text grows', () => {
  const { text, frames, calls } = setUp({ isSmooth: false });
  for (let length = 1; length <= 50; length += 1) text.show('x'.repeat(length));
  frames.run(1);
  assert.deepEqual(calls, ['draw 50']);
});

test('StreamedText has shown everything, and finished, soon after the end', () => {
  const { text, frames, calls } = setUp();
  text.show('x'.repeat(9000));
  frames.run(1);
  text.end();
  text.end();
  frames.run(17);
  assert.equal(calls.at(-1), 'finish 9000');
  assert.equal(calls.filter((call) => call.startsWith('finish')).length, 1);
  assert.equal(frames.isWaiting, false);
});

test('StreamedText finishes an empty text', () => {
  const { text, frames, calls } = setUp();
  text.end();
  frames.run(2);
  assert.deepEqual(calls, ['finish 0']);
});

test('StreamedText shows a long text that is there at once in parts that a frame can draw', () => {
  const { text, frames, calls } = setUp({ isSmooth: false });
  text.show('x'.repeat(40_000));
  text.end();
  frames.run(3);
  assert.deepEqual(calls, ['draw 16384', 'draw 32768', 'finish 40000']);
});

test('StreamedText never shows half a character', () => {
  const { text, frames, shown } = setUp();
  const wheels = '🎡'.repeat(40);
  text.show(`${wheels}${'🎡'.charAt(0)}`);
  const seen = new Set<string>();
  for (let frame = 0; frame < 60; frame += 1) {
    frames.run(1);
    seen.add(shown());
  }
  assert.ok([...seen].every((part) => part.isWellFormed()));
  assert.equal(shown(), wheels);
  text.show(`${wheels}🎡`);
  text.end();
  frames.run(20);
  assert.equal(shown(), `${wheels}🎡`);
});

test('StreamedText rests when drawing is slow, so that it takes a quarter of the time at most', () => {
  const { text, frames, calls } = setUp({ drawMs: 40 });
  text.show('x'.repeat(10_000));
  frames.run(25);
  const elapsedMs = frames.nowMs - FakeFrames.startMs;
  assert.ok(calls.length >= 2);
  assert.ok(calls.length * 40 <= elapsedMs / 4 + 40, `${calls.length} drawings in ${elapsedMs} ms`);
});

test('StreamedText does nothing any more when it is disposed of', () => {
  const { text, frames, calls } = setUp();
  text.show('abc');
  text.dispose();
  text.show('abcdef');
  text.end();
  frames.run(30);
  assert.deepEqual(calls, []);
});
