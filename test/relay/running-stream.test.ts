import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Turn } from '../../src/relay/access/turn.ts';
import type { Producer } from '../../src/relay/producer.ts';
import { RunningStream } from '../../src/relay/running-stream.ts';

test('RunningStream tells that its producer is done also where an operator’s own function threw in it', async () => {
  const thrown = new Error('onError threw');
  const producer = { run: () => Promise.reject(thrown) } as unknown as Producer;
  let over = 0;
  const running = new RunningStream(
    {
      producer,
      turn: { release: () => undefined } as Turn,
      open: { type: 'open', owner: 'local', request: '{}', createdAt: 0 },
      orphanMs: undefined,
    },
    {
      onOrphaned: () => undefined,
      onReaderEnded: () => undefined,
      onOver: async () => {
        over += 1;
      },
    },
  );
  await running.done;
  assert.equal(over, 1);
});
