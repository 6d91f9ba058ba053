// The parts that hold for any input, as properties.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { constants, gunzipSync } from 'node:zlib';

import fc from 'fast-check';

import { AnswerLimit } from '../../src/simulator/answer-limit.ts';
import { encodeSse, SseDecoder } from '../../src/protocol/index.ts';
import type { ContentBlockDelta, KnownStreamEvent } from '../../src/protocol/index.ts';
import { countText } from '../../src/simulator/count-text.ts';
import { cutText } from '../../src/simulator/cut-text.ts';
import { pieceSizesOf } from '../../src/simulator/delta-sizes.ts';
import type { PieceKind } from '../../src/simulator/delta-sizes.ts';
import { joinBytes } from '../../src/simulator/join-bytes.ts';
import { acceptsGzip, GzipFrames } from '../../src/simulator/gzip-frames.ts';
import { createRandom } from '../../src/simulator/random.ts';
import { toSpacedJson } from '../../src/simulator/spaced-json.ts';
import { FrameWriter, toFrame } from '../../src/simulator/frame-writer.ts';
import { isWhole } from './ask.ts';

const anyText = fc.string({ unit: 'binary', maxLength: 400 });
const seeds = fc.integer();

/** The text in pieces cut anywhere, surrogate pairs excepted. */
function inPieces(text: string, lengths: readonly number[]): string[] {
  const characters = Array.from(text);
  return [...lengths.map((length) => characters.splice(0, length).join('')), characters.join('')];
}

describe('cutText()', () => {
  const kinds = fc.constantFrom<PieceKind[]>('text', 'thinking', 'json');
  const models = fc.constantFrom('claude-3-haiku-20240307', 'claude-sonnet-4-6', 'claude-opus-5');
  const anySizes = fc
    .tuple(models, kinds, fc.boolean())
    .map(([model, kind, isOpening]) => pieceSizesOf(model, kind, isOpening));

  test('keeps the text, cuts no surrogate pair, and keeps to the sizes', () => {
    fc.assert(
      fc.property(anyText, seeds, anySizes, (text, seed, sizes) => {
        const pieces = [...cutText([text], sizes, createRandom(seed))].flat();
        assert.equal(pieces.join(''), text);
        // A token that is not complete at the drawn size may be, six characters on.
        const most = Math.max(...sizes.all, ...(sizes.first ?? [])) + (sizes.kind === 'json' ? 1 : 6);
        for (const piece of pieces) {
          assert.ok(isWhole(piece));
          assert.ok(piece.length >= 1 && piece.length <= most, `${piece.length} of at most ${most}`);
        }
      }),
    );
  });

  test('cuts at the same places whatever pieces the text comes in', () => {
    fc.assert(
      fc.property(
        anyText,
        fc.array(fc.nat(30)),
        fc.tuple(seeds, anySizes),
        (text, lengths, [seed, sizes]) => {
          const whole = [...cutText([text], sizes, createRandom(seed))].flat();
          assert.deepEqual([...cutText(inPieces(text, lengths), sizes, createRandom(seed))].flat(), whole);
        },
      ),
    );
  });

  test('cuts prose in front of a space more often than anywhere else, and within a word now and then', () => {
    const text = 'These are the words of which an answer is made, and some are longer than others. '.repeat(
      500,
    );
    const sizes = pieceSizesOf('claude-haiku-4-5', 'text', false);
    const pieces = [...cutText([text], sizes, createRandom(1))].flat();
    const shareOf = (isOne: (piece: string) => boolean): number =>
      pieces.filter(isOne).length / pieces.length;
    const [atSpace, inWord] = [
      shareOf((piece) => piece.startsWith(' ')),
      shareOf((piece) => /^[a-z]/.test(piece)),
    ];
    assert.ok(atSpace > 0.55 && atSpace < 0.95, `${atSpace}`);
    assert.ok(inWord > 0.03 && inWord < 0.25, `${inWord}`);
  });
});

describe('pieceSizesOf()', () => {
  test('gives every model the sizes of its family, and a family without recordings those of its nearest', () => {
    const sizes = (model: string): readonly number[] => pieceSizesOf(model, 'text', false).all;
    assert.equal(sizes('claude-opus-4-5-20251101'), sizes('claude-sonnet-4-5-20250929'));
    assert.equal(sizes('claude-opus-4-20250514'), sizes('claude-opus-4-1-20250805'));
    assert.equal(sizes('claude-opus-4-6'), sizes('claude-sonnet-4-6'));
    assert.equal(sizes('claude-fable-5-2'), sizes('claude-sonnet-5'));
    assert.equal(sizes('a name of its own'), sizes('claude-sonnet-5'));
    assert.equal(sizes('claude-3-sonnet-20240229'), sizes('claude-3-haiku-20240307'));
    assert.notEqual(sizes('claude-haiku-4-5'), sizes('claude-sonnet-4-5'));
  });
});

describe('AnswerLimit.pass()', () => {
  const fewLetters = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '7', '\n', '😀'), maxLength: 60 });
  const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '😀'), minLength: 1, maxLength: 4 }), {
    maxLength: 3,
  });

  /** What stands before the sequence that is complete first. */
  function untilStop(text: string, sequences: readonly string[]): [text: string, stop: string | undefined] {
    const found = sequences.filter((sequence) => text.includes(sequence));
    const ends = found.map((sequence) => text.indexOf(sequence) + sequence.length);
    const end = Math.min(...ends);
    const stop = found[ends.indexOf(end)];
    return [stop === undefined ? text : text.slice(0, end - stop.length), stop];
  }

  test('stops before the sequence that is complete first, or at max_tokens, whatever pieces come', () => {
    fc.assert(
      fc.property(
        fewLetters,
        stops,
        fc.tuple(fc.integer({ min: 1, max: 20 }), fc.array(fc.nat(5))),
        (text, sequences, [maxTokens, lengths]) => {
          const limit = new AnswerLimit(maxTokens);
          const passed = [...limit.pass(inPieces(text, lengths), sequences)].join('');
          const [wanted, stop] = untilStop(text, sequences);
          // The first token is always written.
          const room = Math.max(maxTokens, countText(/^\s*\S?/u.exec(wanted)?.[0] ?? ''));
          if (countText(wanted) <= room) {
            assert.equal(passed, wanted);
            assert.deepEqual(limit.reached, stop && { type: 'stop_sequence', sequence: stop });
            const written = countText(`${wanted}${stop ?? ''}`);
            assert.equal(limit.outputTokens, Math.min(Math.round(written), maxTokens));
            return;
          }
          assert.deepEqual(limit.reached, { type: 'max_tokens' });
          assert.equal(limit.outputTokens, maxTokens);
          assert.ok(wanted.startsWith(passed) && isWhole(passed) && !/\s$/.test(passed));
          const [next = ''] = /^\s*./su.exec(wanted.slice(passed.length)) ?? [];
          assert.ok(countText(passed) <= room && countText(passed + next) > room);
        },
      ),
    );
  });

  test('counts the stop sequence, as recorded answers do', () => {
    for (const [text, sequence, tokens] of [
      ['alpha', 'alpha', 1],
      ['alpha\nbravo\ncharlie delta', 'charlie', 6],
      ['4200 + 42 = 4242', '4242', 12],
      ['The beautiful city of Paris', 'Paris', 5],
    ] as const) {
      const limit = new AnswerLimit(500);
      assert.equal([...limit.pass([text], [sequence])].join(''), text.split(sequence)[0]);
      assert.equal(limit.outputTokens, tokens, text);
    }
  });

  test('writes the first token of an answer, whatever it is estimated at', () => {
    for (const [text, written] of [
      ['Hello there', 'Hello'],
      ['# A title', '#'],
      ['日本語', '日'],
      ['2026-11-20', '202'],
      ['😀😀', '😀'],
      [' and so on', ' and'],
    ] as const) {
      const limit = new AnswerLimit(1);
      assert.deepEqual(
        [...limit.pass(inPieces(text, [0, 1]), [], { openingTokens: 0, rate: 1.3 })].join(''),
        written,
      );
      assert.deepEqual(limit.reached, { type: 'max_tokens' });
      assert.equal(limit.outputTokens, 1);
    }
  });

  test('counts what is no text before it, and the text at its rate', () => {
    const limit = new AnswerLimit(101);
    assert.deepEqual([...limit.pass(['Hello there'], [], { openingTokens: 34, rate: 10 })], ['Hello there']);
    assert.equal(limit.outputTokens, 55);
    assert.deepEqual([...limit.pass(['Hello ', 'there'], [], { openingTokens: 34, rate: 10 })], ['Hello']);
    assert.deepEqual(limit.reached, { type: 'max_tokens' });
    assert.equal(limit.outputTokens, 101);
  });

  test('lets nothing through where there is no room for what comes before the text', () => {
    const limit = new AnswerLimit(30);
    assert.deepEqual([...limit.pass(['Hello'], [], { openingTokens: 34, rate: 1 })], []);
    assert.deepEqual(limit.reached, { type: 'max_tokens' });
  });
});

describe('GzipFrames', () => {
  test('lets every frame be read when it has arrived, and ends as a valid gzip stream', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 }), (frames) => {
        const gzip = new GzipFrames();
        const sent: Buffer[] = [];
        for (const [index, frame] of frames.entries()) {
          sent.push(gzip.encode(frame));
          const read = gunzipSync(Buffer.concat(sent), { finishFlush: constants.Z_SYNC_FLUSH });
          assert.deepEqual(read, Buffer.concat(frames.slice(0, index + 1)));
        }
        sent.push(gzip.end());
        assert.deepEqual(gunzipSync(Buffer.concat(sent)), Buffer.concat(frames));
      }),
    );
  });

  test('is wanted by an accept-encoding that has gzip or * with a weight above 0', () => {
    for (const header of ['gzip', 'br, GZIP', '*', 'deflate, gzip;q=0.1', 'gzip; q=1']) {
      assert.equal(acceptsGzip(header), true, header);
    }
    for (const header of [undefined, '', 'br', 'gzip;q=0', 'gzip; q=0.000', '*, gzip;q=0', 'x-gzip']) {
      assert.equal(acceptsGzip(header), false, header);
    }
  });
});

describe('toSpacedJson()', () => {
  test('is JSON with a space after each colon and comma', () => {
    assert.equal(toSpacedJson({ a: [1, 'x, y: z', null], b: {} }), '{"a": [1, "x, y: z", null], "b": {}}');
    fc.assert(
      fc.property(fc.jsonValue(), (value) =>
        assert.deepEqual(JSON.parse(toSpacedJson(value)), JSON.parse(JSON.stringify(value))),
      ),
    );
  });
});

describe('toFrame()', () => {
  const characters = fc.string({ unit: 'binary', minLength: 1, maxLength: 1 });
  const escapes = fc.constantFrom('"', '\\', '\n', '\u0000', '\ud83d', '\ude00');
  const texts = fc.string({ unit: fc.oneof(characters, escapes), maxLength: 40 });

  test('is what encodeSse gives, with padding before the last brace, for text of any kind', () => {
    const deltas = texts.chain((text) =>
      fc.constantFrom<ContentBlockDelta>(
        { type: 'text_delta', text },
        { type: 'thinking_delta', thinking: text },
        { type: 'input_json_delta', partial_json: text },
        { type: 'signature_delta', signature: text },
      ),
    );
    fc.assert(
      fc.property(deltas, fc.nat(3), seeds, (delta, index, seed) => {
        const event = { type: 'content_block_delta', index, delta } as const;
        const frame = Buffer.from(toFrame(event, createRandom(seed))).toString();
        assert.equal(frame.replace(/ {0,15}\}\n\n$/, '}\n\n'), encodeSse(event));
      }),
    );
  });

  test('writes a run of deltas as it writes them one by one, whatever else stands between them', () => {
    const run = fc.tuple(fc.constantFrom('text_delta', 'thinking_delta', 'ping'), fc.array(texts), fc.nat(1));
    fc.assert(
      fc.property(fc.array(run, { maxLength: 4 }), seeds, (runs, seed) => {
        const events = runs.flatMap(([type, list, index]) =>
          list.map((text): KnownStreamEvent => {
            if (type === 'ping') return { type };
            const delta = type === 'text_delta' ? { type, text } : { type, thinking: text };
            return { type: 'content_block_delta', index, delta };
          }),
        );
        const writer = new FrameWriter();
        writer.add(events, createRandom(seed));
        const random = createRandom(seed);
        const single = events.map((event) => Buffer.from(toFrame(event, random)));
        assert.equal(writer.byteCount, Buffer.concat(single).length);
        assert.equal(Buffer.from(writer.take()).toString(), Buffer.concat(single).toString());
        assert.equal(writer.byteCount, 0);
      }),
    );
  });

  test('leaves earlier frames as they are, whatever is written later', () => {
    fc.assert(
      fc.property(fc.array(texts, { minLength: 2, maxLength: 300 }), (list) => {
        const events = list.map((text) => ({
          type: 'content_block_delta' as const,
          index: 0,
          delta: { type: 'text_delta' as const, text },
        }));
        const random = createRandom('frames');
        const frames = events.map((event) => toFrame(event, random));
        const read = [...new SseDecoder().push(joinBytes(frames))].map(
          ({ data }) => JSON.parse(data) as unknown,
        );
        assert.deepEqual(read, events);
      }),
      { numRuns: 20 },
    );
  });

  test('of a text larger than the memory set aside for frames is whole', () => {
    const text = '😀é'.repeat(40_000);
    const event = { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } } as const;
    const frame = Buffer.from(toFrame(event, createRandom('large'))).toString();
    assert.ok(frame.includes(JSON.stringify(text)));
  });
});

describe('joinBytes()', () => {
  test('gives all bytes in order, wherever they lie', () => {
    const memory = Buffer.from('abcdefgh');
    for (const [parts, joined] of [
      [[], ''],
      [[memory.subarray(1, 3)], 'bc'],
      [[memory.subarray(1, 3), memory.subarray(3, 5)], 'bcde'],
      [[memory.subarray(3, 5), memory.subarray(1, 3)], 'debc'],
      [[memory.subarray(0, 2), Buffer.from('x'), memory.subarray(2, 4)], 'abxcd'],
    ] as const) {
      assert.equal(Buffer.from(joinBytes(parts)).toString(), joined);
    }
  });
});
