import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { mostEventsPerWrite, toNetworkWrites } from '../../src/simulator/network-writes.ts';
import { toFrame } from '../../src/simulator/frame-writer.ts';
import type { MessageStartEvent } from '../../src/protocol/index.ts';
import { createRandom } from '../../src/simulator/random.ts';
import { messageStart } from '../support/streams.ts';
import { toFrameStep } from '../../src/simulator/step.ts';
import type { EventsStep, Frame, Step } from '../../src/simulator/step.ts';

const startEvent = messageStart as MessageStartEvent;
const start = 'event: message_start\ndata: {"type":"message_start"}\n\n';

/** What a reader sees of steps: bytes, and where something other than bytes happens. */
function seen(steps: Iterable<Step>): string {
  return [...steps]
    .map((step) => (step.type === 'frame' ? Buffer.from(step.bytes).toString('latin1') : step.type))
    .join('');
}

function framesIn(steps: Iterable<Step>): Frame[] {
  return [...steps].filter((step) => step.type === 'frame');
}

function eventCount(steps: Iterable<Step>): number {
  return framesIn(steps).reduce((sum, { eventCount = 1 }) => sum + eventCount, 0);
}

const anyFrame = fc.record({
  type: fc.constant('frame'),
  bytes: fc.constantFrom(start, 'a', 'bb\n\n', 'x'.repeat(9000)).map((text) => Buffer.from(text)),
  gapMs: fc.constantFrom(0, 0, 5),
  isAlone: fc.constantFrom(false, false, true),
});
const anySteps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 9, arbitrary: anyFrame },
    { weight: 1, arbitrary: fc.constant<Step>({ type: 'silence', durationMs: 1, pingMs: 1 }) },
  ),
  { maxLength: 80 },
);

describe('toNetworkWrites()', () => {
  test('keeps bytes, events, waits and the place of whatever is no frame', () => {
    fc.assert(
      fc.property(anySteps, fc.integer({ min: 1, max: 40 }), (steps, mostEvents) => {
        const writes = [...toNetworkWrites(steps, mostEvents)];
        assert.equal(seen(writes), seen(steps));
        assert.equal(eventCount(writes), eventCount(steps));
        const waits = (all: readonly Step[]): number =>
          framesIn(all).reduce((sum, { gapMs }) => sum + gapMs, 0);
        assert.equal(waits(writes), waits(steps));
        for (const { eventCount = 1, bytes } of framesIn(writes)) {
          assert.ok(eventCount <= mostEvents);
          // The frame that makes it full leaves with it.
          assert.ok(bytes.length < 65_536 + 9000);
        }
      }),
    );
  });

  test('leaves a frame that is to leave alone as it is, message_start too', () => {
    fc.assert(
      fc.property(anySteps, (steps) => {
        const alone = (all: Iterable<Step>): Frame[] =>
          framesIn(all).filter(({ isAlone, eventCount }) => isAlone === true && eventCount !== 0);
        assert.deepEqual(alone(toNetworkWrites(steps)), alone(steps));
      }),
    );
  });

  test('sends 22 bytes of message_start first, then its rest with what is due at the same time', () => {
    const steps = [toFrameStep(start), toFrameStep('b\n\n'), toFrameStep('c\n\n', 40), toFrameStep('d\n\n')];
    const writes = framesIn(toNetworkWrites(steps));
    assert.deepEqual(
      writes.map(({ bytes, eventCount, gapMs }) => [Buffer.from(bytes).toString(), eventCount, gapMs]),
      [
        ['event: message_start\nd', 0, 0],
        ['ata: {"type":"message_start"}\n\nb\n\n', 2, 0],
        ['c\n\nd\n\n', 2, 40],
      ],
    );
    assert.equal(writes[0]?.isAlone, true);
  });

  test('sends events as their frames, message_start in two, and no more at once than a write may have', () => {
    const deltas = Array.from({ length: 50 }, (_, number) => ({
      type: 'content_block_delta' as const,
      index: 0,
      delta: { type: 'text_delta' as const, text: `${number}\n"é"` },
    }));
    const random = createRandom('events');
    const expected = [startEvent, ...deltas].map((event) => toFrame(event, random).toString());
    const padding = createRandom('events');
    const steps: EventsStep[] = [
      { type: 'events', events: [startEvent], padding, gapMs: 0 },
      { type: 'events', events: deltas.slice(0, 30), padding, gapMs: 0 },
      { type: 'events', events: deltas.slice(30), padding, gapMs: 7 },
    ];
    const writes = framesIn(toNetworkWrites(steps, 20));
    assert.equal(writes.map(({ bytes }) => bytes.toString()).join(''), expected.join(''));
    assert.deepEqual(
      writes.map(({ eventCount, gapMs }) => [eventCount, gapMs]),
      [
        [0, 0],
        [20, 0],
        [11, 0],
        [20, 7],
      ],
    );
  });

  test('takes no more than one step ahead of what it hands on, and ends the steps when nobody takes more', () => {
    let taken = 0;
    let hasEnded = false;
    const endless = (function* (): Generator<Step> {
      try {
        for (;;) {
          taken += 1;
          yield toFrameStep('a\n\n');
        }
      } finally {
        hasEnded = true;
      }
    })();
    const writes = toNetworkWrites(endless);
    writes.next();
    assert.equal(taken, mostEventsPerWrite + 1);
    writes.return(undefined);
    assert.equal(hasEnded, true);
  });
});
