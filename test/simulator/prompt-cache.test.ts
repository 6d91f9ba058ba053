// The cache's numbers follow the actual prefix of the prompt.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import fc from 'fast-check';

import { startSimulator } from '../../src/simulator/index.ts';
import type { Simulator } from '../../src/simulator/index.ts';
import { PromptCache } from '../../src/simulator/prompt-cache.ts';
import { askEvents, post, toBody, weatherTool } from './ask.ts';
import { JumpingClock, StoppedClock } from './virtual-clock.ts';

const mark = { cache_control: { type: 'ephemeral' } };
const long = 'A word or two about it. '.repeat(250);
const text = (value: string, changes: object = {}): object => ({ type: 'text', text: value, ...changes });
const system = [text(long, mark)];
const user = (...content: object[]): object => ({ role: 'user', content });
const assistant = (...content: object[]): object => ({ role: 'assistant', content });

interface Usage {
  readonly input_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
  readonly cache_creation: { ephemeral_5m_input_tokens: number; ephemeral_1h_input_tokens: number };
}

async function usageOf(simulator: Simulator, changes: object, headers = {}): Promise<Usage> {
  const response = await post(simulator, toBody('Hi', changes), headers);
  const { usage } = (await response.json()) as { usage: Usage };
  return usage;
}

/** As `input / written / read`. */
function toLine(usage: Usage): string {
  return [usage.input_tokens, usage.cache_creation_input_tokens, usage.cache_read_input_tokens].join(' / ');
}

describe('usage', () => {
  test('says what is written to the cache, and then what is read from it', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const first = await usageOf(simulator, { system });
    const { cache_creation_input_tokens: size } = first;
    assert.ok(size > 1500 && size < 2100, `${size}`);
    assert.deepEqual(first.cache_creation, { ephemeral_5m_input_tokens: size, ephemeral_1h_input_tokens: 0 });
    const second = await usageOf(simulator, { system });
    assert.equal(toLine(second), `${first.input_tokens} / 0 / ${size}`);
    assert.deepEqual(second.cache_creation, { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 });
  });

  test('of a stream has the same numbers at its start and at its end', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    for (const isRead of [false, true]) {
      const events = await askEvents(simulator, toBody('Hi', { system }));
      const [start, end] = [events[0]?.data.message?.usage, events.at(-2)?.data.usage];
      for (const name of ['input_tokens', 'cache_creation_input_tokens', 'cache_read_input_tokens']) {
        assert.equal(start?.[name], end?.[name]);
      }
      assert.equal(Number(start?.['cache_read_input_tokens']) > 0, isRead);
    }
  });

  test('reads what a conversation had before and writes what was added', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const turns = [user(text(long, mark))];
    const first = await usageOf(simulator, { messages: turns });
    const longer = [user(text(long)), assistant(text('Well. '.repeat(90))), user(text(long, mark))];
    const second = await usageOf(simulator, { messages: longer });
    assert.equal(second.cache_read_input_tokens, first.cache_creation_input_tokens);
    assert.ok(second.cache_creation_input_tokens > first.cache_creation_input_tokens);
    assert.equal(second.input_tokens, first.input_tokens);
  });

  test('takes a mark within the result of a tool for one on the result', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const asked = (changes: object): object[] => [
      user(text('Hi')),
      assistant({ type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: {} }),
      user({ type: 'tool_result', tool_use_id: 'toolu_1', content: [text(long, changes)] }),
    ];
    const first = await usageOf(simulator, { messages: asked(mark) });
    assert.ok(first.cache_creation_input_tokens > 1500);
    const longer = [...asked({}), assistant(text('Well.')), user(text('And?', mark))];
    const second = await usageOf(simulator, { messages: longer });
    assert.equal(second.cache_read_input_tokens, first.cache_creation_input_tokens);
  });

  test('of a prefix for an hour is read for an hour, also behind a mark for five minutes', async () => {
    const clock = new JumpingClock();
    await using simulator = await startSimulator({ speed: 0, clock });
    const hourly = [text(long, { cache_control: { type: 'ephemeral', ttl: '1h' } })];
    const { cache_creation_input_tokens: size } = await usageOf(simulator, { system: hourly });
    for (const marked of [system, hourly]) {
      const usage = await usageOf(simulator, { system: marked });
      assert.equal(usage.cache_read_input_tokens, size);
      clock.nowMs += 50 * 60_000;
    }
  });

  test('reads nothing when anything before the mark is another: a tool, a word, the model, the key', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    await usageOf(simulator, { system });
    for (const [changes, headers] of [
      [{ system: [text(`${long}!`, mark)] }, {}],
      [{ system, tools: [weatherTool] }, {}],
      [{ system, model: 'claude-sonnet-4-5' }, {}],
      [{ system }, { authorization: 'Bearer another' }],
    ] as const) {
      const usage = await usageOf(simulator, changes, headers);
      assert.equal(usage.cache_read_input_tokens, 0);
      assert.ok(usage.cache_creation_input_tokens > 0);
    }
    const other = await usageOf(simulator, { system, messages: [user(text('Another question'))] });
    assert.ok(other.cache_read_input_tokens > 0, 'what comes behind the mark may differ');
  });

  test('reads tools and system, and no turns, when the choice of tools or the thinking is another', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const asked = (changes: object): object => ({
      max_tokens: 3000,
      tools: [weatherTool],
      system,
      messages: [user(text(long, mark))],
      ...changes,
    });
    const auto = { tool_choice: { type: 'auto' } };
    const plain = { model: 'claude-sonnet-4-5' };
    const { cache_creation_input_tokens: whole } = await usageOf(simulator, asked(plain));
    const again = await usageOf(simulator, asked({ ...plain, ...auto }));
    assert.equal(again.cache_read_input_tokens, whole);
    const bare = { ...plain, messages: [user(text('Hi'))] };
    const { cache_read_input_tokens: before } = await usageOf(simulator, asked(bare));
    assert.ok(before > 0 && before < whole);
    for (const setting of [
      { tool_choice: { type: 'any' } },
      { tool_choice: { type: 'tool', name: weatherTool.name } },
      { tool_choice: { type: 'none' } },
      { thinking: { type: 'enabled', budget_tokens: 1024 } },
      { thinking: { type: 'enabled', budget_tokens: 2000 } },
    ]) {
      const first = await usageOf(simulator, asked({ ...plain, ...setting }));
      const second = await usageOf(simulator, asked({ ...plain, ...setting }));
      assert.equal(first.cache_read_input_tokens, before, JSON.stringify(setting));
      assert.equal(second.cache_read_input_tokens, before + first.cache_creation_input_tokens);
      assert.equal(second.input_tokens, first.input_tokens);
    }
  });

  test('caches nothing without a mark, or when there is too little before it for the model', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    for (const changes of [
      { system: long },
      { system: [text('Be brief.', mark)] },
      { system, model: 'claude-haiku-4-5' },
    ]) {
      for (let count = 0; count < 2; count += 1) {
        assert.match(toLine(await usageOf(simulator, changes)), /^\d+ \/ 0 \/ 0$/);
      }
    }
  });

  test('forgets after five minutes, or an hour where that is asked for, and anew with each reading', async () => {
    const clock = new JumpingClock();
    await using simulator = await startSimulator({ speed: 0, clock });
    const hour = { cache_control: { type: 'ephemeral', ttl: '1h' } };
    for (const [changes, minutes] of [
      [{ system }, 5],
      [{ system: [text(`${long}.`, hour)] }, 60],
    ] as const) {
      const reads = async (afterMinutes: number): Promise<boolean> => {
        clock.nowMs += afterMinutes * 60_000;
        return (await usageOf(simulator, changes)).cache_read_input_tokens > 0;
      };
      const first = await usageOf(simulator, changes);
      assert.equal(first.cache_creation.ephemeral_1h_input_tokens > 0, minutes === 60);
      const answers = [
        await reads(minutes - 1),
        await reads(minutes - 1),
        await reads(minutes + 1),
        await reads(0),
      ];
      assert.deepEqual(answers, [true, true, false, true]);
    }
  });

  test('takes a mark on the request for one on its last block, and refuses a fifth', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const changes = { ...mark, messages: [user(text(long))] };
    await usageOf(simulator, changes);
    // As recorded: the last three tokens are never cached.
    assert.match(toLine(await usageOf(simulator, changes)), /^3 \/ 0 \/ \d+$/);
    const marks = Array.from({ length: 5 }, () => text('x', mark));
    const response = await post(simulator, toBody('', { messages: [user(...marks)] }));
    const { error } = (await response.json()) as { error: { message: string } };
    assert.equal(error.message, 'A maximum of 4 blocks with cache_control may be provided. Found 5.');
  });

  test('leaves what is read out of the rate limit', async () => {
    await using simulator = await startSimulator({
      speed: 0,
      clock: new StoppedClock(),
      faults: { kind: 'rate_limit', inputTokens: 2500 },
    });
    const statuses = [];
    for (let count = 0; count < 3; count += 1) {
      statuses.push((await post(simulator, toBody('Hi', { system }))).status);
    }
    assert.deepEqual(statuses, [200, 200, 200]);
    assert.equal((await post(simulator, toBody('Hi', { system: `${long} ` }))).status, 429);
  });
});

describe('PromptCache', () => {
  test('never reads or writes more than there is before the last mark', () => {
    const part = fc.record({
      text: fc.constantFrom('a', 'b', 'c'),
      tokens: fc.nat(3000),
      cacheControl: fc.constantFrom(undefined, undefined, {}, { ttl: '1h' }),
    });
    fc.assert(
      fc.property(fc.array(fc.array(part, { maxLength: 30 }), { maxLength: 6 }), (prompts) => {
        const cache = new PromptCache(new StoppedClock());
        for (const parts of prompts) {
          const lookup = cache.find(parts, 'x', 1024);
          const { tokens } = lookup;
          const end = parts.findLastIndex(({ cacheControl }) => cacheControl !== undefined);
          const before = parts.slice(0, end + 1).reduce((sum, { tokens: each }) => sum + each, 0);
          const used = tokens.read + tokens.written['5m'] + tokens.written['1h'];
          assert.ok(used === 0 || used === before - 3, `${used} of ${before}`);
          lookup.store();
          const again = cache.find(parts, 'x', 1024).tokens;
          assert.equal(again.written['5m'] + again.written['1h'], 0);
          assert.equal(again.read, used);
        }
      }),
    );
  });
});
