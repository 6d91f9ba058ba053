// Going on with an answer that broke off: partial and continuation are the whole, character by character.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import type { Block } from '../../src/simulator/answer-part.ts';
import { startSimulator } from '../../src/simulator/index.ts';
import { askEvents, bodies, citable, stopOf, textOf, toBody } from './ask.ts';
import { textIn, wholeAnswer } from './whole-answer.ts';

interface Message {
  readonly role: 'user' | 'assistant';
  readonly content: string | readonly object[];
}

const user = (content: string | readonly object[]): Message => ({ role: 'user', content });
const assistant = (content: readonly object[]): Message => ({ role: 'assistant', content });

/** Conversations whose answer is cut; the last has the result of a tool. */
const call = { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: {} };
const result = { type: 'tool_result', tool_use_id: 'toolu_1', content: '21 degrees,\n  sunny' };
const conversations: readonly (readonly Message[])[] = [
  ...[
    'Hello',
    'markdown',
    'think about it',
    'long 60',
    'echo one  two\n\n three 😀👩‍👩‍👧 \t 四 five\n',
    'Should I continue my studies, or go on as I am? markdown',
    'redacted',
    'web search',
    'web search error',
    'web fetch',
    'code execution',
    'text editor',
    'container upload',
    'mcp',
    'advisor',
    'citations',
    'pause',
    'refuse',
    'context window',
    'compact',
    'fallback, think',
    'tool search',
    'use a tool in parallel',
  ].map((prompt) => [user(prompt)]),
  [user(citable)],
  [user('The weather?'), assistant([call]), user([result])],
];

/** A place in the text of an answer: in block `index`, behind `length` characters of it, or of all its text. */
interface Cut {
  readonly whole: readonly Block[];
  readonly index: number;
  readonly length: number;
}

/** All places where a stream can break off inside a text; no character is cut in two. */
function cutsOf(whole: readonly Block[]): Cut[] {
  return whole.flatMap(({ type, text }, index) => {
    if (type !== 'text') return [];
    const ends = Array.from(String(text), (character) => character.length);
    let length = 0;
    return ends.map((size) => ({ whole, index, length: (length += size) }));
  });
}

/** What a client holds: the blocks that had ended, and the text so far unless it is blank, without white space at its end if asked. */
function partialOf({ whole, index, length }: Cut, isTrimmed: boolean): Block[] {
  const { citations, text, ...block } = whole[index] ?? { type: 'text', text: '' };
  const begun = String(text).slice(0, length);
  const kept = isTrimmed ? begun.trimEnd() : begun;
  const cited = citations === undefined ? {} : { citations };
  return [...whole.slice(0, index), ...(kept.trim() === '' ? [] : [{ ...block, text: kept, ...cited }])];
}

/** Whether it holds nothing, or a text that no turn may have. */
function isBlank(partial: readonly Block[]): boolean {
  const isEmpty = ({ type, text }: Block): boolean => type === 'text' && String(text).trim() === '';
  return partial.length === 0 || partial.some(isEmpty);
}

/** The partial and what came then, with a text that was cut as one block again. */
function join(partial: readonly Block[], rest: readonly Block[], whole: readonly Block[]): Block[] {
  const last = partial.at(-1);
  const [first, ...others] = rest;
  const isCut = last?.type === 'text' && last['text'] !== whole[partial.length - 1]?.['text'];
  if (!isCut || first?.type !== 'text') return [...partial, ...rest];
  return [
    ...partial.slice(0, -1),
    { ...last, text: `${String(last['text'])}${String(first['text'])}` },
    ...others,
  ];
}

/** Ids are drawn anew for each request. */
function withoutIds(content: readonly Block[]): unknown[] {
  return content.map(({ id: _id, tool_use_id: _of, signature: _signature, ...block }) => block);
}

const instruction = 'Continue exactly from that point. Do not repeat any of it, add no preamble.';

/** The ways to ask for the rest with the partial as a turn of the model. */
const ways: Readonly<Record<string, (partial: readonly Block[]) => Message[]>> = {
  prefill: (partial) => [assistant(partial)],
  'left off': (partial) => [assistant(partial), user('Please continue from where you left off.')],
  interrupted: (partial) => [
    assistant(partial),
    user(
      `Your previous response was interrupted and ended with:\n${textIn(partial).slice(-400)}\n${instruction}`,
    ),
  ],
};

const oldModel = 'claude-haiku-4-5';
const newModel = 'claude-sonnet-5';

const drawnCut = fc
  .constantFrom(...conversations)
  .chain((messages) =>
    fc
      .constantFrom(...cutsOf(wholeAnswer(toBody('', { messages, model: oldModel })).content))
      .map((cut) => ({ messages, cut })),
  );

describe('a continuation', () => {
  for (const [way, ask] of Object.entries(ways)) {
    test(`by ${way} is exactly what was missing, blocks and stop reason included, wherever the answer was cut`, () => {
      fc.assert(
        fc.property(drawnCut, fc.boolean(), ({ messages, cut }, isOld) => {
          const isPrefill = way === 'prefill';
          const model = isPrefill || isOld ? oldModel : newModel;
          const { stop } = wholeAnswer(toBody('', { messages, model }));
          const partial = partialOf(cut, isPrefill);
          if (partial.length === 0) return;
          const body = toBody('', { messages: [...messages, ...ask(partial)], model });
          const rest = wholeAnswer(body, 2);
          const joined = join(partial, rest.content, cut.whole);
          assert.deepEqual(withoutIds(joined), withoutIds(cut.whole));
          assert.deepEqual(rest.stop, stop);
        }),
        { numRuns: 400 },
      );
    });
  }

  test('is asked for in many words', () => {
    const question = user('markdown');
    const whole = textIn(wholeAnswer(toBody('', { messages: [question], model: newModel })).content);
    const begun = whole.slice(0, 50);
    const rest = (asked: string): string => {
      const messages = [question, assistant([{ type: 'text', text: begun }]), user(asked)];
      return textIn(wholeAnswer(toBody('', { messages, model: newModel })).content);
    };
    for (const asked of [
      'continue',
      'Go on.',
      'OK, please carry on!',
      '[Continue]',
      '(resume)',
      'Finish your answer.',
      'Please complete the sentence',
      'Please pick up where you left off.',
      'Your answer broke off. Go on.',
      'Your last message was cut short; carry on.',
      'The connection dropped. Please resume your answer.',
      'I lost the connection, sorry. Please go on.',
    ]) {
      assert.equal(begun + rest(asked), whole, asked);
    }
    for (const asked of [
      'Finish my homework',
      'Complete the form',
      'Why did the connection drop?',
      'Pick up the phone',
    ]) {
      assert.match(rest(asked), /^Hello! This is the simulator/, asked);
    }
  });

  test('of an answer that stands only in the user turn, whole or only its end, is what was missing', () => {
    fc.assert(
      fc.property(drawnCut, fc.boolean(), fc.boolean(), ({ messages, cut }, isShort, isOneText) => {
        const begun = textIn(partialOf(cut, false));
        const quote = isShort ? begun.slice(-400) : begun;
        const text = `Your previous response was interrupted and ended with ${quote}. Continue from where you left off.`;
        // White space around a quote is not told from the sentence around it.
        if (quote.trim() !== quote || quote.endsWith('.')) return;
        const question = messages.at(-1)?.content;
        const asked =
          isOneText && typeof question === 'string'
            ? [...messages.slice(0, -1), user(`${question}\n\n${text}`)]
            : [...messages, user(text)];
        const rest = wholeAnswer(toBody('', { messages: asked }));
        assert.equal(begun + textIn(rest.content), textIn(cut.whole));
      }),
      { numRuns: 400 },
    );
  });

  test('of an answer that stands in quotation marks, or on lines of its own, is what was missing', () => {
    for (const quote of [
      ' "One, two.".',
      ': “One, two.”',
      ' [One, two.].',
      ':\nOne, two.\n',
      ' One, two..',
    ]) {
      const text = `Your previous response was interrupted and ended with${quote} Continue from where you left off.`;
      const messages = [user('echo One, two. Three'), user(text)];
      assert.equal(textIn(wholeAnswer(toBody('', { messages })).content), ' Three', quote);
    }
  });

  test('that broke off again is gone on with from one longer partial, or from a chain of turns', () => {
    fc.assert(
      fc.property(drawnCut, fc.double({ min: 0, max: 1, noNaN: true }), ({ messages, cut }, share) => {
        const [, goOn = user('')] = ways['left off']?.([]) ?? [];
        const first = partialOf(cut, false);
        const rest = wholeAnswer(toBody('', { messages: [...messages, assistant(first), goOn] })).content;
        const cuts = cutsOf(rest);
        const again = cuts[Math.floor(share * (cuts.length - 1))];
        if (again === undefined) return;
        const second = partialOf(again, false);
        // Of a blank text nothing is held, and no turn may be empty.
        if (isBlank(first) || isBlank(second)) return;
        const chain = [...messages, assistant(first), goOn, assistant(second), goOn];
        const longer = [...messages, assistant(join(first, second, cut.whole)), goOn];
        for (const asked of [chain, longer]) {
          const { content } = wholeAnswer(toBody('', { messages: asked }));
          assert.equal(textIn(first) + textIn(second) + textIn(content), textIn(cut.whole));
        }
      }),
      { numRuns: 200 },
    );
  });

  test('keeps a limit: stop sequences and max_tokens end it too', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const messages = [
      user('echo one two three four'),
      assistant([{ type: 'text', text: 'one' }]),
      user('Continue.'),
    ];
    const stopped = await askEvents(simulator, toBody('', { messages, stop_sequences: [' four'] }));
    assert.equal(textOf(stopped), ' two three');
    assert.deepEqual(stopOf(stopped), { reason: 'stop_sequence', sequence: ' four', usage: 3 });
    const cut = await askEvents(simulator, toBody('', { messages, max_tokens: 2 }));
    assert.equal(textOf(cut), ' two');
    assert.equal(stopOf(cut).reason, 'max_tokens');
  });

  test('of a partial that ends with half a character begins with the whole one', () => {
    const messages = [user('echo a😀b'), assistant([{ type: 'text', text: 'a\ud83d' }]), user('Go on')];
    assert.equal(textIn(wholeAnswer(toBody('', { messages })).content), '😀b');
  });

  test('of a partial with words said twice is found by its last words', () => {
    const whole = textIn(wholeAnswer(toBody('long 60')).content);
    const twice = `${whole.slice(0, 150)}${whole.slice(130, 200)}`;
    const messages = [user('long 60'), assistant([{ type: 'text', text: twice }]), user('Please continue.')];
    assert.equal(textIn(wholeAnswer(toBody('', { messages })).content), whole.slice(200));
  });

  test('of all there is has nothing, if it was asked for from that place', () => {
    const { content, stop } = wholeAnswer(toBody('echo all'));
    const messages = [user('echo all'), assistant(content), user('Please continue from where you left off.')];
    assert.deepEqual(wholeAnswer(toBody('', { messages })), { content: [], stop });
  });

  test('is not what a prompt gets that has the words for something else', () => {
    for (const prompt of [
      'Should I continue my studies? echo no',
      'echo continue',
      'Why do rivers go on and on? long 5',
    ]) {
      const messages = [user('long 60'), assistant([{ type: 'text', text: '## 1.' }]), user(prompt)];
      const alone = wholeAnswer(toBody(prompt)).content;
      assert.deepEqual(wholeAnswer(toBody('', { messages })).content, alone);
    }
  });
});

describe('a turn that paused', () => {
  test('goes on to its end when its content is sent back as it is, and begins with the missing result', () => {
    for (const model of [oldModel, newModel]) {
      const paused = wholeAnswer(toBody('pause', { model }));
      assert.equal(paused.stop.reason, 'pause_turn');
      const messages = [user('pause'), assistant(paused.content)];
      const { content, stop } = wholeAnswer(toBody('', { messages, model }), 2);
      assert.equal(stop.reason, 'end_turn');
      assert.equal(content[0]?.type, 'web_search_tool_result');
      assert.equal(content[0]?.['tool_use_id'], paused.content.at(-1)?.['id']);
      assert.equal(content.at(-1)?.type, 'text');
    }
  });

  test('for compaction goes on behind the summary, and what was before it does not count any more', () => {
    const long = 'word '.repeat(60_000);
    const edits = [
      {
        type: 'compact_20260112',
        trigger: { type: 'input_tokens', value: 50_000 },
        pause_after_compaction: true,
      },
    ];
    const context_management = { edits };
    const first = wholeAnswer(toBody(long, { context_management }));
    assert.deepEqual(
      first.content.map(({ type }) => type),
      ['compaction'],
    );
    assert.equal(first.stop.reason, 'compaction');
    const messages = [user(long), assistant(first.content)];
    const second = wholeAnswer(toBody('', { messages, context_management }));
    assert.deepEqual(
      second.content.map(({ type }) => type),
      ['text'],
    );
    assert.equal(second.stop.reason, 'end_turn');
  });
});

describe('what the simulator answers', () => {
  test('is taken back by it in the next request, whatever blocks it has', () => {
    for (const [kind, body] of Object.entries(bodies)) {
      const { content } = wholeAnswer(body);
      const calls = content.filter(({ type }) => type === 'tool_use');
      const results = calls.map(({ id }) => ({ type: 'tool_result', tool_use_id: id, content: 'x' }));
      if (content.length === 0 || results.length > 0 || kind.includes('thinking enabled')) continue;
      const { messages } = body as { messages: readonly Message[] };
      const next = toBody('', { ...body, messages: [...messages, assistant(content), user('echo thanks')] });
      assert.equal(
        textIn(wholeAnswer({ ...next, tool_choice: undefined }).content).slice(0, 6),
        'thanks',
        kind,
      );
    }
  });
});
