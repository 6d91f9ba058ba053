import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnswerError, Millrace, TruncatedError, runTools, tool, ToolError } from 'millrace/client';
import type { StandardSchema } from 'millrace/client';
import { startSimulator } from 'millrace/simulator';
import * as z from 'zod';
import { cleanEnd, streamResponse } from '../../support/raw-server.ts';
import { messageStart, sse, textEvents } from '../../support/streams.ts';
import { turnsUntil } from '../../support/turns.ts';
import { answer, blocksIn, call, collect, errorOf, startScripted, textOf } from './scripted-server.ts';
import type { WireBlock } from './scripted-server.ts';

const ask = (content: string) => ({
  model: 'claude-sonnet-5',
  max_tokens: 1000,
  messages: [{ role: 'user' as const, content }],
});

const weather = tool({
  name: 'get_weather',
  description: 'The weather in a city',
  inputSchema: z.object({
    city: z.string().min(1),
    unit: z.enum(['celsius', 'fahrenheit']).default('celsius'),
  }),
  run: ({ city, unit }) => `${city}: 21 ${unit}`,
});

const done = answer('end_turn', textEvents(0, 'Done.'));

test('runTools runs what the model calls and goes on until it has answered', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const client = new Millrace({ apiKey: 'k', baseURL: simulator.url });
  const run = runTools(client, { ...ask('use a tool'), tools: [weather] });
  const kinds = (await collect(run)).map(({ type }) => type).filter((type) => type !== 'stream_event');
  assert.deepEqual(
    kinds.filter((kind, index) => kind !== kinds[index - 1]),
    ['turn_start', 'tool_input', 'turn_end', 'tool_start', 'tool_result', 'turn_start', 'turn_end'],
  );
  assert.match(await run.finalText(), /get_weather\*\* returned.*: 21 (celsius|fahrenheit)/);
  assert.deepEqual(
    run.messages.map(({ role }) => role),
    ['user', 'assistant', 'user', 'assistant'],
  );
  assert.equal(run.turn, 2);
  assert.equal(run.ending?.type, 'complete');
  const [first, second] = run.attempts;
  assert.equal(run.usage?.input_tokens, first!.usage!.input_tokens + second!.usage!.input_tokens);
  // The whole history is one that the API takes.
  await client.messages
    .stream({ ...ask(''), messages: [...run.messages, { role: 'user', content: 'Thanks' }] })
    .done();
});

test('runTools sends thinking back with its signature, byte for byte', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const client = new Millrace({ apiKey: 'k', baseURL: simulator.url });
  const run = runTools(client, { ...ask('think, then use a tool'), tools: [weather] });
  await run.done();
  const sent = simulator.requests[1]!.body as { messages: { content: unknown }[] };
  const first = run.messages[1]!.content as readonly { type: string; signature?: string }[];
  assert.equal(first[0]!.type, 'thinking');
  assert.ok(first[0]!.signature!.length > 20);
  assert.deepEqual(sent.messages[1]!.content, JSON.parse(JSON.stringify(first)));
});

test('runTools sends the results of one turn in one message, in the order of the calls, whichever ends first', async () => {
  const twice = answer('tool_use', call(0, 'slow', '{}'), call(1, 'quick', '{}'));
  await using server = await startScripted([twice, done]);
  let release = (): void => undefined;
  const slow = tool({
    name: 'slow',
    run: () =>
      new Promise<string>((resolve) => {
        release = () => resolve('S');
      }),
  });
  const quick = tool({
    name: 'quick',
    run: () => {
      queueMicrotask(() => release());
      return 'Q';
    },
  });
  const run = runTools(server.client, { ...ask('Hi'), tools: [slow, quick] });
  const ends = (await collect(run)).flatMap((event) => (event.type === 'tool_result' ? [event.name] : []));
  assert.deepEqual(ends, ['quick', 'slow']);
  assert.deepEqual(blocksIn(server.bodies[1]), [
    { type: 'tool_result', tool_use_id: 'toolu_0', content: 'S' },
    { type: 'tool_result', tool_use_id: 'toolu_1', content: 'Q' },
  ]);
});

test('runTools shows the input of a call while it streams', async () => {
  await using server = await startScripted([
    answer('tool_use', call(0, 'get_weather', '', '{"city":"Pa', 'ris"}')),
    done,
  ]);
  const seen: unknown[] = [];
  for await (const event of runTools(server.client, { ...ask('Hi'), tools: [weather] })) {
    if (event.type === 'tool_input') seen.push([event.name, event.delta, event.input.complete]);
    if (event.type === 'tool_start') seen.push(event.input);
  }
  assert.deepEqual(seen.slice(-2), [['get_weather', 'ris"}', true], { city: 'Paris', unit: 'celsius' }]);
});

for (const { what, calls, told } of [
  {
    what: 'input that its schema refuses',
    calls: call(0, 'get_weather', '{"city":7}'),
    told: /not valid:\ncity: .*string/,
  },
  {
    what: 'input that is no JSON',
    calls: call(0, 'get_weather', '{"city":,}'),
    told: /not run: its input is not JSON/,
  },
  {
    what: 'input that is not complete',
    calls: call(0, 'get_weather', '{"city":"Par'),
    told: /not run: its input is not complete/,
  },
  {
    what: 'the name of no tool',
    calls: call(0, 'get_time', '{}'),
    told: /There is no tool "get_time" here. There are: get_weather/,
  },
]) {
  test(`runTools does not run a call with ${what}, and tells the model`, async () => {
    await using server = await startScripted([answer('tool_use', calls), done]);
    const run = runTools(server.client, { ...ask('Hi'), tools: [weather] });
    const events = await collect(run);
    assert.equal(
      events.some(({ type }) => type === 'tool_start'),
      false,
    );
    const [result] = blocksIn(server.bodies[1]);
    assert.equal(result?.is_error, true);
    assert.match(textOf(result), told);
    // The call itself goes back with an object as its input: the API takes nothing else.
    assert.equal(typeof blocksIn(server.bodies[1], 1)[0]?.['input'], 'object');
  });
}

test('runTools checks an input by plain JSON Schema, and by a Standard Schema written by hand', async () => {
  const counted: StandardSchema<{ n: string }, { n: number }> = {
    '~standard': {
      version: 1,
      vendor: 'by hand',
      validate: async (value) => {
        const n = Number((value as { n?: unknown }).n);
        return Number.isNaN(n) ? { issues: [{ message: 'is no number', path: ['n'] }] } : { value: { n } };
      },
    },
  };
  const plain = tool({
    name: 'plain',
    inputSchema: { type: 'object', properties: { n: { type: 'integer', minimum: 1 } }, required: ['n'] },
    run: ({ n }) => ({ doubled: n * 2 }),
  });
  const byHand = tool({
    name: 'by_hand',
    inputSchema: counted,
    jsonSchema: { type: 'object', properties: { n: { type: 'string' } } },
    run: ({ n }) => n + 1,
  });
  await using server = await startScripted([
    answer(
      'tool_use',
      call(0, 'plain', '{"n":2}'),
      call(1, 'plain', '{"n":0.5}'),
      call(2, 'by_hand', '{"n":"41"}'),
      call(3, 'by_hand', '{"n":"x"}'),
    ),
    done,
  ]);
  await runTools(server.client, { ...ask('Hi'), tools: [plain, byHand] }).done();
  assert.deepEqual(
    blocksIn(server.bodies[1]).map(({ content }) => content),
    [
      '{"doubled":4}',
      'The tool was not run, its input is not valid:\nn: expected integer, got number\nn: expected at least 1, got 0.5',
      '42',
      'The tool was not run, its input is not valid:\nn: is no number',
    ],
  );
  assert.deepEqual(server.bodies[0]!['tools'], [plain.definition, byHand.definition]);
  assert.throws(
    () => tool({ name: 'none', inputSchema: counted, run: () => 1 }),
    /by hand gives no JSON Schema/,
  );
});

test('runTools tells the model what a tool throws, and takes texts, blocks, values and nothing as results', async () => {
  const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA==' } };
  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  const outputs: (() => unknown)[] = [
    () => 'a text',
    () => [image],
    () => [{ type: 'mine' }],
    () => undefined,
    () => cycle,
    () => {
      throw new Error('no such city');
    },
    () => Promise.reject(new ToolError([{ type: 'text', text: 'Look:' }, image])),
    // What is rejected need not be an error.
    () => Promise.reject(Object.create(null)),
  ];
  const tools = outputs.map((run, index) => tool({ name: `t${index}`, run }));
  await using server = await startScripted([
    answer('tool_use', ...tools.map(({ name }, index) => call(index, name))),
    done,
  ]);
  await runTools(server.client, { ...ask('Hi'), tools }).done();
  const results = blocksIn(server.bodies[1]);
  assert.match(textOf(results[4]), /cannot be written as JSON: Converting circular/);
  assert.deepEqual(results.map(({ content, is_error }) => [content, is_error]).toSpliced(4, 1), [
    ['a text', undefined],
    [[image], undefined],
    ['[{"type":"mine"}]', undefined],
    [undefined, undefined],
    ['no such city', true],
    [[{ type: 'text', text: 'Look:' }, image], true],
    ['The tool failed', true],
  ]);
});

test('runTools does not wait for a tool that ignores its signal after its time is over', async () => {
  const deaf = tool({ name: 'deaf', timeoutMs: 1, run: () => new Promise<string>(() => undefined) });
  const heeding = tool({
    name: 'heeding',
    timeoutMs: 1,
    run: (_, { signal }) =>
      new Promise<string>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('whatever')));
      }),
  });
  await using server = await startScripted([answer('tool_use', call(0, 'deaf'), call(1, 'heeding')), done]);
  const run = runTools(server.client, { ...ask('Hi'), tools: [deaf, heeding] });
  assert.equal(await run.finalText(), 'Done.');
  for (const { content } of blocksIn(server.bodies[1])) {
    assert.equal(content, 'The tool gave no result within 1 ms');
  }
});

test('runTools asks for approval one call at a time, and tells the model of a no', async () => {
  await using server = await startScripted([
    answer(
      'tool_use',
      call(0, 'get_weather', '{"city":"Paris"}'),
      call(1, 'get_weather', '{"city":""}'),
      call(2, 'get_weather', '{"city":"Rome"}'),
      call(3, 'get_weather', '{"city":"Oslo"}'),
      call(4, 'get_weather', '{"city":"Bonn"}'),
    ),
    done,
  ]);
  const asked: string[] = [];
  let open = 0;
  const run = runTools(server.client, {
    ...ask('Hi'),
    tools: [weather],
    approve: async ({ name, input }) => {
      assert.equal((open += 1), 1);
      await new Promise(setImmediate);
      open -= 1;
      asked.push(`${name} ${input.city}`);
      if (input.city === 'Oslo') throw new Error('the window was closed');
      if (input.city === 'Bonn') return false;
      return input.city === 'Rome' ? { deny: 'too far' } : true;
    },
  });
  await run.done();
  // What is not valid is not asked for.
  assert.deepEqual(asked, ['get_weather Paris', 'get_weather Rome', 'get_weather Oslo', 'get_weather Bonn']);
  const texts = blocksIn(server.bodies[1]).map(({ content }) => content);
  assert.equal(texts[0], 'Paris: 21 celsius');
  assert.equal(texts[2], 'The tool was not run: the user did not allow it: too far');
  assert.equal(texts[3], 'The tool was not run: the user did not allow it: the window was closed');
  assert.equal(texts[4], 'The tool was not run: the user did not allow it');
});

test('runTools runs no more calls at the same time than it may', async () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  let running = 0;
  let most = 0;
  const tools = names.map((name) =>
    tool({
      name,
      run: async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise(setImmediate);
        running -= 1;
        return name;
      },
    }),
  );
  await using server = await startScripted([
    answer('tool_use', ...names.map((name, index) => call(index, name))),
    done,
  ]);
  await runTools(server.client, { ...ask('Hi'), tools, maxConcurrency: 2 }).done();
  assert.equal(most, 2);
  assert.deepEqual(
    blocksIn(server.bodies[1]).map(({ content }) => content),
    names,
  );
});

test('runTools ends after maxTurns, with the results in a history that can be gone on with', async () => {
  await using server = await startScripted([answer('tool_use', call(0, 'get_weather', '{"city":"Paris"}'))]);
  const run = runTools(server.client, { ...ask('Hi'), tools: [weather], maxTurns: 3 });
  const error = await errorOf(run.finalMessage());
  assert.ok(error instanceof AnswerError);
  assert.equal(error.code, 'max_turns');
  assert.equal(server.bodies.length, 3);
  assert.equal(run.messages.length, 7);
  assert.equal(run.messages.at(-1)!.role, 'user');
});

test('runTools demands a call in the first turn alone, unless told otherwise', async () => {
  const scripts = [answer('tool_use', call(0, 'get_weather', '{"city":"Paris"}')), done];
  const tool_choice = { type: 'tool', name: 'get_weather', disable_parallel_tool_use: true };
  for (const keepToolChoice of [undefined, true]) {
    await using server = await startScripted(scripts);
    await runTools(server.client, { ...ask('Hi'), tools: [weather], tool_choice, keepToolChoice }).done();
    const [first, second] = server.bodies.map((body) => body['tool_choice']);
    assert.deepEqual(first, tool_choice);
    assert.deepEqual(
      second,
      keepToolChoice ? tool_choice : { type: 'auto', disable_parallel_tool_use: true },
    );
  }
});

const search = {
  type: 'content_block_start',
  index: 0,
  content_block: { type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search', input: { query: 'x' } },
} as const;

test('runTools goes on with a paused turn as it is, and does not run the calls of the server', async () => {
  const paused = answer('pause_turn', [search, { type: 'content_block_stop', index: 0 }]);
  const server_tool = { type: 'web_search_20250305', name: 'web_search' };
  await using server = await startScripted([paused, done]);
  const run = runTools(server.client, { ...ask('Hi'), tools: [server_tool, weather] });
  assert.equal(await run.finalText(), 'Done.');
  assert.deepEqual(server.bodies[0]!['tools'], [server_tool, weather.definition]);
  assert.deepEqual(server.bodies[1]!.messages.slice(1), [
    { role: 'assistant', content: [search.content_block] },
  ]);

  await using always = await startScripted([paused]);
  const endless = runTools(always.client, { ...ask('Hi'), tools: [server_tool], maxPauses: 2 });
  assert.equal((await errorOf(endless.done())).code, 'max_pauses');
  assert.equal(always.bodies.length, 3);
});

test('runTools ends with what was cut by max_tokens, and runs nothing of it', async () => {
  const cutAnswer = answer(
    'max_tokens',
    textEvents(0, 'Let me see.'),
    call(1, 'get_weather', '{"city":"Paris"}'),
    call(2, 'get_weather', '{"city":"Ro'),
  );
  await using server = await startScripted([cutAnswer]);
  const run = runTools(server.client, { ...ask('Hi'), tools: [weather] });
  const events: string[] = [];
  const error = await errorOf(
    (async () => {
      for await (const { type } of run) events.push(type);
    })(),
  );
  assert.equal(error.code, 'max_tokens');
  assert.equal(events.includes('tool_start'), false);
  assert.equal(run.ending?.type, 'unfinished');
  // The call that was whole is answered; the other is gone.
  assert.deepEqual(
    (run.messages[1]!.content as { type: string }[]).map(({ type }) => type),
    ['text', 'tool_use'],
  );
  assert.deepEqual(run.messages[2], {
    role: 'user',
    content: [
      {
        type: 'tool_result',
        tool_use_id: 'toolu_1',
        content: 'The tool was not run: the answer was cut off',
        is_error: true,
      },
    ],
  });
});

test('runTools says what was refused, and keeps it out of the history', async () => {
  const refused = [
    messageStart,
    ...textEvents(0, 'I'),
    {
      type: 'message_delta',
      delta: {
        stop_reason: 'refusal',
        stop_sequence: null,
        stop_details: { type: 'refusal', category: 'cyber', explanation: 'Not that.' },
      },
    },
    { type: 'message_stop' },
  ] as const;
  await using server = await startScripted([refused]);
  const run = runTools(server.client, { ...ask('Hi'), tools: [weather] });
  const error = await errorOf(run.done());
  assert.equal(error.code, 'refusal');
  assert.match(error.message, /Not that\./);
  assert.equal(run.messages.length, 1);
});

test('runTools runs nothing of an answer that breaks off, and keeps the results of the turns before', async () => {
  let runs = 0;
  const counting = tool({ name: 'count', run: () => (runs += 1) });
  const broken = sse(messageStart, ...textEvents(0, 'More:'), ...call(1, 'count', '{}'));
  await using server = await startScripted([
    answer('tool_use', call(0, 'count', '{}')),
    { bytes: streamResponse(broken) + cleanEnd, then: 'fin' },
    done,
  ]);
  const run = runTools(server.client, { ...ask('Hi'), tools: [counting] });
  assert.ok((await errorOf(run.done())) instanceof TruncatedError);
  assert.equal(runs, 1);
  assert.equal(run.messages.length, 3);
  assert.deepEqual(
    run.partial.map(({ type }) => type),
    ['text', 'tool_use'],
  );
  // The history goes on where it was.
  const next = runTools(server.client, { ...ask('Hi'), messages: run.messages, tools: [counting] });
  assert.equal(await next.finalText(), 'Done.');
  assert.equal(runs, 1);
});

test('runTools never runs a call that was taken back when the answer was gone on with', async () => {
  const broken = sse(
    messageStart,
    ...textEvents(0, 'Let me see.'),
    ...call(1, 'get_weather', '{"city":"Paris"').slice(0, 2),
  );
  const again = answer('tool_use', call(0, 'get_weather', '{"city":"Rome"}'));
  await using server = await startScripted(
    [{ bytes: streamResponse(broken) + cleanEnd, then: 'fin' }, again, done],
    { recover: true, retry: { maxRetries: 2 } },
  );
  const run = runTools(server.client, { ...ask('Hi'), tools: [weather] });
  const events = await collect(run);
  const started = events.flatMap((event) => (event.type === 'tool_start' ? [event.input] : []));
  assert.deepEqual(started, [{ city: 'Rome', unit: 'celsius' }]);
  assert.ok(events.some((event) => event.type === 'stream_event' && event.event.type === 'recover'));
  assert.deepEqual(
    (run.messages[1]!.content as { type: string }[]).map(({ type }) => type),
    ['text', 'tool_use'],
  );
});

test('runTools aborted while tools run stops them, and keeps what came back', async () => {
  let stopped: unknown;
  const waiting = tool({
    name: 'waiting',
    run: (_, { signal }) =>
      new Promise<string>((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          stopped = signal.reason;
          reject(signal.reason);
        });
      }),
  });
  const quick = tool({ name: 'quick', run: () => 'Q' });
  await using server = await startScripted([answer('tool_use', call(0, 'waiting'), call(1, 'quick'))]);
  const controller = new AbortController();
  const run = runTools(
    server.client,
    { ...ask('Hi'), tools: [waiting, quick] },
    { signal: controller.signal },
  );
  const reason = new Error('enough');
  const error = await errorOf(
    (async () => {
      for await (const event of run) if (event.type === 'tool_result') controller.abort(reason);
    })(),
  );
  assert.equal(error, reason);
  assert.equal(stopped, reason);
  assert.equal(run.ending?.type, 'aborted');
  const results = run.messages.at(-1)!.content as readonly WireBlock[];
  assert.deepEqual(
    results.map(({ content }) => content),
    ['The tool was stopped before it gave a result', 'Q'],
  );
});

test('runTools aborted while it waits for approval runs nothing', async () => {
  let runs = 0;
  const counting = tool({ name: 'count', run: () => (runs += 1) });
  await using server = await startScripted([answer('tool_use', call(0, 'count'))]);
  let isAsked = false;
  const run = runTools(server.client, {
    ...ask('Hi'),
    tools: [counting],
    approve: () => {
      isAsked = true;
      return new Promise<boolean>(() => undefined);
    },
  });
  await turnsUntil(() => isAsked);
  run.abort();
  assert.equal((await errorOf(run.done())).name, 'AbortError');
  assert.equal(runs, 0);
});

test('runTools ends when its only loop is left, and goes on when somebody waits', async () => {
  const forever = [messageStart, ...textEvents(0, 'a')];
  await using server = await startScripted([{ bytes: streamResponse(sse(...forever)), then: 'hold' }]);
  const left = runTools(server.client, { ...ask('Hi'), tools: [] });
  for await (const { type } of left) if (type === 'stream_event') break;
  await turnsUntil(() => left.ending !== undefined);
  assert.equal(left.ending?.type, 'aborted');

  await using whole = await startScripted([done]);
  const awaited = runTools(whole.client, { ...ask('Hi'), tools: [] });
  const text = awaited.finalText();
  for await (const { type } of awaited) if (type === 'stream_event') break;
  assert.equal(await text, 'Done.');
});

test('runTools that nobody looks at rejects nothing, however it ends', async () => {
  const rejections: unknown[] = [];
  const onRejection = (error: unknown): void => void rejections.push(error);
  process.on('unhandledRejection', onRejection);
  const late = tool({
    name: 'late',
    timeoutMs: 1,
    run: async (_, { signal }) => {
      await turnsUntil(() => signal.aborted);
      await new Promise(setImmediate);
      throw new Error('too late');
    },
  });
  await using server = await startScripted([
    answer('tool_use', call(0, 'late')),
    { bytes: 'HTTP/1.1 400 Bad\r\ncontent-length: 0\r\n\r\n', then: 'fin' },
  ]);
  const run = runTools(server.client, { ...ask('Hi'), tools: [late] });
  await turnsUntil(() => run.ending !== undefined);
  assert.equal(run.ending?.type, 'failed');
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
  process.off('unhandledRejection', onRejection);
  assert.deepEqual(rejections, []);
});

test('runTools refuses tools that cannot run', () => {
  const client = new Millrace({ apiKey: 'k' });
  const plain = { name: 'x', input_schema: { type: 'object' } };
  assert.throws(
    () => runTools(client, { ...ask('Hi'), tools: [plain] }),
    /Cannot run the tool "x": make it with tool/,
  );
  assert.throws(() => runTools(client, { ...ask('Hi'), tools: [weather, weather] }), /two tools of one name/);
  assert.throws(() => runTools(client, { ...ask('Hi'), tools: [], maxTurns: 0 }), RangeError);
});

test('tool() gives the API the schema of what goes in, closed when it is strict, and further fields as they are', () => {
  const strict = tool({
    name: 's',
    strict: true,
    cache_control: { type: 'ephemeral' },
    inputSchema: z.object({ n: z.number().min(1), when: z.string().optional() }),
    run: () => '',
  });
  assert.deepEqual(strict.definition, {
    name: 's',
    strict: true,
    cache_control: { type: 'ephemeral' },
    input_schema: {
      type: 'object',
      properties: { n: { type: 'number', description: '{minimum: 1}' }, when: { type: 'string' } },
      required: ['n'],
      additionalProperties: false,
    },
  });
  const bash = tool({ type: 'bash_20250124', name: 'bash', run: () => '' });
  assert.deepEqual(bash.definition, { type: 'bash_20250124', name: 'bash' });
});

test('runTools ends as failed when the next request cannot be made', async () => {
  const deep = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
  await using server = await startScripted([answer('tool_use', call(0, 'count', deep)), done]);
  const run = runTools(server.client, { ...ask('Hi'), tools: [tool({ name: 'count', run: () => 1 })] });
  // The platform cannot write so deep a value as JSON.
  assert.ok((await errorOf(run.done())) instanceof RangeError);
  assert.equal(run.ending?.type, 'failed');
});

test('runTools ends as failed when its client cannot begin a stream', async () => {
  await using server = await startScripted([answer('tool_use', call(0, 'count')), done]);
  let count = 0;
  const failing = {
    messages: {
      stream: (...request: Parameters<typeof server.client.messages.stream>) => {
        if ((count += 1) > 1) throw new RangeError('no more');
        return server.client.messages.stream(...request);
      },
    },
  };
  const run = runTools(failing, { ...ask('Hi'), tools: [tool({ name: 'count', run: () => 1 })] });
  assert.equal((await errorOf(run.done())).message, 'no more');
  assert.equal(run.messages.length, 3);
});

test('runTools runs a call once that a gateway has begun twice', async () => {
  const twice = [...call(0, 'count').slice(0, 1), ...call(0, 'count', '{"n":1}')];
  await using server = await startScripted([answer('tool_use', twice), done]);
  const inputs: unknown[] = [];
  const count = tool({ name: 'count', run: (input) => inputs.push(input) });
  await runTools(server.client, { ...ask('Hi'), tools: [count] }).done();
  assert.deepEqual(inputs, [{ n: 1 }]);
  assert.deepEqual(
    [1, 2].flatMap((index) => blocksIn(server.bodies[1], index).map(({ type }) => type)),
    ['tool_use', 'tool_result'],
  );
});
