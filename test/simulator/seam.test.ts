// What a continuation begins with when it is not exactly the rest.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { startSimulator } from '../../src/simulator/index.ts';
import { askEvents, parseFrames, post, textOf, toBody } from './ask.ts';
import { textIn, wholeAnswer } from './whole-answer.ts';
import type { Seam } from '../../src/simulator/seam.ts';

const goOn = { role: 'user', content: 'Please continue from where you left off.' };

function conversation(...others: readonly object[]): object[] {
  return [{ role: 'user', content: 'echo One, two — Three  four five' }, ...others];
}

const begun = { role: 'assistant', content: 'One, two — Three' };

function restWith(seam: Seam, messages = conversation(begun, goOn)): string {
  return textIn(wholeAnswer(toBody('', { messages }), 1, seam).content);
}

describe('a seam', () => {
  test('that is exact has the rest alone', () => {
    assert.equal(restWith({ as: 'exact', words: 3 }), '  four five');
  });

  test('that repeats has the last words again, letter by letter', () => {
    assert.equal(restWith({ as: 'repeat', words: 1 }), 'Three  four five');
    assert.equal(restWith({ as: 'repeat', words: 3 }), 'two — Three  four five');
    assert.equal(restWith({ as: 'repeat', words: 100 }), 'One, two — Three  four five');
  });

  test('that repeats has a word that was cut, and white space, as they are', () => {
    const cut = { ...begun, content: [{ type: 'text', text: 'One, two — Three  fo' }] };
    assert.equal(restWith({ as: 'repeat', words: 2 }, conversation(cut, goOn)), 'Three  four five');
    const spaced = { ...begun, content: [{ type: 'text', text: 'One, two — Three ' }] };
    assert.equal(restWith({ as: 'repeat', words: 1 }, conversation(spaced, goOn)), 'Three  four five');
  });

  test('that rephrases has them in small letters, without marks and one space apart, behind an ellipsis', () => {
    assert.equal(restWith({ as: 'rephrase', words: 3 }), '…two three  four five');
  });

  test('with a preamble has a sentence before the rest', () => {
    const rest = restWith({ as: 'preamble' });
    assert.match(rest, /^(?:Continuing|Here is|Sure).+\s {2}four five$/s);
  });

  test('draws from 2 to 8 words from the seed', () => {
    const messages = [
      { role: 'user', content: 'echo a b c d e f g h i j k' },
      { role: 'assistant', content: 'a b c d e f g h i j' },
      goOn,
    ];
    const counts = Array.from({ length: 100 }, (_, seed) => {
      const rest = textIn(wholeAnswer(toBody('', { messages }), seed, { as: 'repeat' }).content);
      return rest.split(' ').length - 1;
    });
    assert.deepEqual(
      [...new Set(counts)].toSorted((a, b) => a - b),
      [2, 3, 4, 5, 6, 7, 8],
    );
  });

  test('is not between a prefilled answer and its rest, nor before any other answer', () => {
    const prefill = toBody('', { messages: conversation(begun), model: 'claude-haiku-4-5' });
    assert.equal(textIn(wholeAnswer(prefill, 1, { as: 'repeat' }).content), '  four five');
    const first = toBody('', { messages: conversation() });
    assert.equal(textIn(wholeAnswer(first, 1, { as: 'preamble' }).content), 'One, two — Three  four five');
  });

  test('that repeats is gone on with again by who trims the words', () => {
    const rest = restWith({ as: 'repeat', words: 2 }).slice(0, '— Three  four'.length);
    assert.equal(rest, '— Three  four');
    const trimmed = { ...begun, content: 'One, two — Three  four' };
    assert.equal(restWith({ as: 'exact' }, conversation(trimmed, goOn)), ' five');
  });

  test('is as the option says, and as the plan of a request says before that', async () => {
    await using simulator = await startSimulator({ speed: 0, seam: 'rephrase' });
    const body = toBody('', { messages: conversation(begun, goOn), stream: true });
    assert.match(textOf(await askEvents(simulator, body)), /^…/);
    const plan = { 'x-simulator-fault': '{"kind": "seam", "as": "repeat", "words": 1}' };
    const planned = await (await post(simulator, body, plan)).text();
    assert.equal(textOf(parseFrames(planned)), 'Three  four five');
    await simulator.faults.set({ kind: 'seam', as: 'exact' });
    assert.equal(textOf(await askEvents(simulator, body)), '  four five');
    await assert.rejects(startSimulator({ seam: 'other' as 'exact' }), /seam other: one of exact, repeat/);
  });
});
