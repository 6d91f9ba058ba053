import assert from 'node:assert/strict';
import { PassThrough, Writable } from 'node:stream';
import { test } from 'node:test';
import { TerminalText } from '../../src/cli/terminal-text.ts';

const never = (): void => assert.fail('closed');

test('TerminalText leaves control characters and direction marks out of a terminal, wherever they are cut', async () => {
  const terminal = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY: true });
  const text = new TerminalText(terminal, never);
  for (const piece of 'a\u001b]52;c;eA==\u0007b\tc\r\nd\u009b31m\u202ee 水') await text.write(piece);
  await text.end();
  assert.equal(terminal.read(), 'a]52;c;eA==b\tc\nd31me 水\n');
});

test('TerminalText ends a line that is not ended, and no other', async () => {
  const pipe = new PassThrough({ encoding: 'utf8' });
  const text = new TerminalText(pipe, never);
  await text.end();
  await text.write('one\n');
  await text.end();
  await text.write('two');
  await text.end();
  assert.equal(pipe.read(), 'one\ntwo\n');
});

test('TerminalText tells a reader that left from a write that failed', async () => {
  for (const [code, isClosed] of [
    ['EPIPE', true],
    ['ERR_STREAM_DESTROYED', true],
    ['ENOSPC', false],
  ] as const) {
    const failure = Object.assign(new Error('cannot'), { code });
    const stream = new Writable({ write: (_chunk, _encoding, done) => done(failure) });
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    const text = new TerminalText(stream, resolve);
    await text.write('one');
    await closed;
    await text.write('two');
    assert.equal(text.isClosed, isClosed, code);
    assert.equal(text.error, isClosed ? undefined : failure);
  }
});
