import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { startSimulator } from 'millrace/simulator';
import { runProgram } from '../support/program.ts';
import { cleanEnd, startRawServer, streamResponse } from '../support/raw-server.ts';
import { blockEvents, messageStart, sse, textEvents, toolEvents } from '../support/streams.ts';

const withKey = (url: string) => ({ env: { ANTHROPIC_API_KEY: 'k', ANTHROPIC_BASE_URL: url } });
/** Where no write ever fits. */
const fullSkip = !existsSync('/dev/full') && 'there is no /dev/full here';
const stopped = (stop_reason: string) =>
  sse(
    { type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 5 } },
    { type: 'message_stop' },
  );

test('millrace ask streams the answer to stdout and says on stderr that it is simulated', async () => {
  await using program = runProgram(['ask', 'echo', 'für', '水車']);
  assert.equal(await program.ended, 0, program.stderr);
  assert.equal(program.stdout, 'für 水車\n');
  assert.match(program.stderr, /built-in simulator/);
});

test('millrace ask reads the question from standard input', async () => {
  await using program = runProgram(['ask'], { stdin: 'echo from a pipe\n' });
  assert.equal(await program.ended, 0, program.stderr);
  assert.equal(program.stdout.trim(), 'from a pipe');
});

test('millrace ask without a question exits 2', async () => {
  await using program = runProgram(['ask'], { stdin: ' \n' });
  assert.equal(await program.ended, 2);
  assert.match(program.stderr, /nothing to ask/);
  assert.equal(program.stdout, '');
});

test('millrace ask sends model, system and most tokens with the key of the environment', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const args = ['ask', '-m', 'claude-haiku-4-5', '-s', 'Be brief', '--max-tokens', '77', 'echo hi'];
  await using program = runProgram(args, withKey(simulator.url));
  assert.equal(await program.ended, 0, program.stderr);
  assert.equal(program.stderr, '');
  assert.deepEqual(simulator.requests[0]?.body, {
    model: 'claude-haiku-4-5',
    max_tokens: 77,
    system: 'Be brief',
    messages: [{ role: 'user', content: 'echo hi' }],
    stream: true,
  });
});

test('millrace ask interrupted by SIGINT closes the call, keeps what came and exits 130', async () => {
  const cut = sse(messageStart, ...textEvents(0, 'partial').slice(0, 2));
  await using upstream = await startRawServer(() => ({ bytes: streamResponse(cut), then: 'hold' }));
  await using program = runProgram(['ask', 'x'], withKey(upstream.url));
  await program.waitFor(/partial/);
  program.signal('SIGINT');
  assert.equal(await program.ended, 130);
  assert.equal(program.stdout, 'partial\n');
  assert.match(program.stderr, /interrupted/);
  await upstream.clientLeft();
});

test('millrace ask whose reader leaves closes the call and exits 0 without a word', async () => {
  // Not all at once: what the system holds for the reader would else be the whole answer.
  await using simulator = await startSimulator({ pace: { firstByteMs: 0, tokensPerSecond: 500 } });
  await using program = runProgram(['ask', 'long 100000'], withKey(simulator.url));
  await program.waitFor(/\w/);
  program.closeStdout();
  assert.equal(await program.ended, 0);
  assert.equal(program.stderr, '');
  assert.equal(await simulator.requests[0]?.closed, 'aborted');
});

test('millrace ask tells endings apart by exit code, and prints what came first', async () => {
  const text = sse(messageStart, ...textEvents(0, 'partial'));
  const error = (type: string) => sse({ type: 'error', error: { type, message: 'said no' } });
  for (const [body, exitCode, said] of [
    [text, 5, /cut off/],
    [text + error('overloaded_error'), 4, /said no/],
    [text + error('authentication_error'), 3, /said no/],
    [text + error('api_error'), 1, /said no/],
    [text + stopped('refusal'), 6, /refused/],
    [text + stopped('max_tokens'), 0, /--max-tokens/],
    [
      text + sse(...toolEvents(1, '{"city":"Ulm"}')) + stopped('tool_use'),
      0,
      /get_weather with \{"city":"Ulm"\}/,
    ],
  ] as const) {
    // Whoever asks to go on gets the same ending, and no text.
    await using upstream = await startRawServer((request) => ({
      bytes:
        streamResponse(request.includes('was interrupted') ? body.replace(text, sse(messageStart)) : body) +
        cleanEnd,
      then: 'fin',
    }));
    await using program = runProgram(['ask', 'x'], withKey(upstream.url));
    assert.equal(await program.ended, exitCode, program.stderr);
    assert.equal(program.stdout, 'partial\n');
    assert.match(program.stderr, said);
  }
});

test('millrace ask goes on with an answer that broke off, and says so when it is printed', async () => {
  const text = sse(messageStart, ...textEvents(0, 'The wheel ').slice(0, 2));
  const rest = sse(messageStart, ...textEvents(0, 'turns.')) + stopped('end_turn');
  await using upstream = await startRawServer((request) => ({
    bytes: streamResponse(request.includes('was interrupted') ? rest : text) + cleanEnd,
    then: 'fin',
  }));
  await using program = runProgram(['ask', 'x'], withKey(upstream.url));
  assert.equal(await program.ended, 0, program.stderr);
  assert.equal(program.stdout, 'The wheel turns.\n');
  assert.match(program.stderr, /broke off and was gone on with: The stream ended before message_stop/);
});

test('millrace ask with no server to reach exits 5 and says which', async () => {
  await using program = runProgram(['ask', 'x'], withKey('http://127.0.0.1:9'));
  assert.equal(await program.ended, 5);
  assert.match(program.stderr, /http:\/\/127\.0\.0\.1:9\/v1\/messages/);
});

test('millrace ask gives a pipe every byte of the text', async () => {
  const odd = 'a\u001b[31mred\u0007 \u202e';
  const body = sse(
    messageStart,
    ...blockEvents(0, { type: 'text', text: '' }, [{ type: 'text_delta', text: odd }]),
  );
  await using upstream = await startRawServer(() => ({
    bytes: streamResponse(body + stopped('end_turn')),
    then: 'hold',
  }));
  await using program = runProgram(['ask', 'x'], withKey(upstream.url));
  assert.equal(await program.ended, 0);
  assert.equal(program.stdout, `${odd}\n`);
});

test('millrace ask says that the answer could not be written, and exits 1', { skip: fullSkip }, async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const options = { ...withKey(simulator.url), stdoutFile: '/dev/full' };
  await using program = runProgram(['ask', 'echo hi'], options);
  assert.equal(await program.ended, 1, program.stderr);
  assert.match(program.stderr, /cannot write the answer: ENOSPC/);
});

test('millrace ask leaves control characters out of what it says on stderr', async () => {
  const error = sse({
    type: 'error',
    error: { type: 'api_error', message: 'no\u001b]0;title\u0007 \u202edoor' },
  });
  await using upstream = await startRawServer(() => ({
    bytes: streamResponse(sse(messageStart) + error) + cleanEnd,
    then: 'fin',
  }));
  await using program = runProgram(['ask', 'x'], withKey(upstream.url));
  assert.equal(await program.ended, 1);
  assert.match(program.stderr, /no\]0;title door\n/);
});

test('millrace ask needs a key for an address of the environment: 3, and an address: 2', async () => {
  for (const [env, exitCode, said] of [
    [{ ANTHROPIC_BASE_URL: 'http://127.0.0.1:9' }, 3, /ANTHROPIC_API_KEY/],
    [{ ANTHROPIC_BASE_URL: 'nowhere', ANTHROPIC_API_KEY: 'k' }, 2, /must begin with http/],
    [{ ANTHROPIC_BASE_URL: 'ftp://nowhere', ANTHROPIC_API_KEY: 'k' }, 2, /must begin with http/],
  ] as const) {
    await using program = runProgram(['ask', 'x'], { env });
    assert.equal(await program.ended, exitCode, program.stderr);
    assert.match(program.stderr, said);
    assert.equal(program.stderr.trim().split('\n').length, 1, program.stderr);
  }
});

test('millrace ask puts what is piped in before the question', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const options = { ...withKey(simulator.url), stdin: 'a document\nof two lines\n' };
  await using program = runProgram(['ask', 'sum', 'it', 'up'], options);
  assert.equal(await program.ended, 0, program.stderr);
  const { messages } = simulator.requests[0]!.body as { messages: { content: string }[] };
  assert.deepEqual(messages, [{ role: 'user', content: 'a document\nof two lines\n\nsum it up' }]);
});

test('millrace ask with an argument goes on without a pipe that stays silent, and says so', async () => {
  await using program = runProgram(['ask', 'echo hi'], { stdin: { open: true } });
  assert.equal(await program.ended, 0, program.stderr);
  assert.equal(program.stdout, 'hi\n');
  assert.match(program.stderr, /nothing comes on standard input/);
});

test('millrace ask - waits for what is piped in', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  await using program = runProgram(['ask', '-', 'sum', 'up'], {
    ...withKey(simulator.url),
    stdin: 'late text',
  });
  assert.equal(await program.ended, 0, program.stderr);
  const [request] = simulator.requests;
  assert.deepEqual((request!.body as { messages: unknown }).messages, [
    { role: 'user', content: 'late text\n\nsum up' },
  ]);
});
