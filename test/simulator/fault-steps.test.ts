// What holds for the steps of an answer under every fault.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { changes } from '../../src/simulator/faults/apply-faults.ts';
import type { FaultKind } from '../../src/simulator/index.ts';
import { insertAt } from '../../src/simulator/faults/insert-steps.ts';
import { parseFaultPlan } from '../../src/simulator/faults/parse-fault-plan.ts';
import { applyFaults } from '../../src/simulator/faults/apply-faults.ts';
import { createRandom } from '../../src/simulator/random.ts';
import { toFrameStep } from '../../src/simulator/step.ts';
import type { Step } from '../../src/simulator/step.ts';

const context = { requestId: 'req_1', random: createRandom(1) };

/** What a kind needs to be complete. */
const needed: Partial<Record<FaultKind, object>> = { status: { status: 500 }, slow_headers: { ms: 1 } };

describe('applyFaults()', () => {
  for (const kind of Object.keys(changes) as FaultKind[]) {
    test(`with ${kind} takes steps only as they are taken from it, and ends them when nobody takes more`, () => {
      let taken = 0;
      let hasEnded = false;
      const endless = (function* (): Generator<Step> {
        try {
          for (;;) {
            taken += 1;
            yield toFrameStep(`event: content_block_delta\ndata: {"index":0,"n":${taken}}\n\n`);
          }
        } finally {
          hasEnded = true;
        }
      })();
      const { faults } = parseFaultPlan({ kind, ...needed[kind] }, '');
      const reply = {
        delayMs: 0,
        status: 200,
        headers: {},
        isFromEdge: false,
        isStream: true,
        steps: endless,
      };
      const { steps } = applyFaults(reply, faults, context);
      assert.equal(taken, 0, 'nothing is taken before it is sent');
      let count = 0;
      for (const step of steps) {
        count += 1;
        if (step.type === 'close' || count === 20) break;
      }
      assert.ok(taken <= count * 8 + 1, `${taken} steps were taken for ${count}`);
      assert.equal(hasEnded, taken > 0);
    });
  }
});

describe('insertAt()', () => {
  const texts = fc.array(fc.string({ minLength: 1, maxLength: 9 }), { maxLength: 8 });

  test('keeps every byte, and puts what it inserts behind exactly so many of them, once', () => {
    fc.assert(
      fc.property(texts, fc.nat(80), (frames, atByte) => {
        const bytes = Buffer.from(frames.join(''));
        const inserted: Step = { type: 'close', by: 'end' };
        const steps = [
          ...insertAt(
            frames.map((text) => toFrameStep(text)),
            { atByte },
            () => [inserted],
          ),
        ];
        const position = steps.indexOf(inserted);
        const join = (part: readonly Step[]): Buffer =>
          Buffer.concat(part.map((step) => (step.type === 'frame' ? step.bytes : Buffer.alloc(0))));
        assert.deepEqual(join(steps), bytes);
        assert.equal(position >= 0, atByte <= bytes.length);
        if (position >= 0) assert.equal(join(steps.slice(0, position)).length, atByte);
        assert.equal(steps.lastIndexOf(inserted), position);
      }),
    );
  });
});
