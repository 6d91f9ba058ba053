import assert from 'node:assert/strict';
import { PassThrough, Writable } from 'node:stream';
import { test } from 'node:test';
import fc from 'fast-check';
import { TerminalText } from '../../src/cli/terminal-text.ts';

const never = (): void => assert.fail('closed');

test('TerminalText leaves control characters and direction marks out of a terminal, wherever they are cut', async () => {
  const terminal = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY: true });
  const text = new TerminalText(terminal, never);
  for (const piece of 'a\u001b]52;c;eA==\u0007b\tc\r\nd\u009b31m\u202ee 水') await text.write(piece);
  await text.end();
  assert.equal(terminal.read(), 'a]52;c;eA==b\tc\nd31me 水\n');
});

/** What a model can be made to say to a terminal. */
const attacks: Readonly<Record<string, string>> = {
  'the clipboard (OSC 52)': '\u001b]52;c;cm0gLXJmIH4=\u0007',
  'a link that says another address (OSC 8)': '\u001b]8;;https://evil.example/\u001b\\bank\u001b]8;;\u001b\\',
  'the title of the window': '\u001b]0;mine\u0007',
  'an icon, a folder, a colour of the terminal':
    '\u001b]1;x\u0007\u001b]7;file://x\u0007\u001b]11;#000\u0007',
  'a file to be fetched (OSC 1337)': '\u001b]1337;File=name=eA==:eA==\u0007',
  'a question that the terminal answers': '\u001b[6n\u001b[c\u001b[21t\u0005',
  'a string of the device (DCS)': '\u001bP$qm\u001b\\\u001b_x\u001b\\\u001b^x\u001b\\\u001bXx\u001b\\',
  'the same by one character (C1)': '\u009d52;c;eA==\u009c\u009b31m\u0090x\u009c\u009e\u009f',
  'what was there before':
    '\u001b[2J\u001b[1;1H\u001b[1A\u001b[2K\u001bc\u001b[?1049h\r\b\b\u007f\u000b\u000c',
  'words that are not seen': '\u001b[8mhidden\u001b[0m\u001b[30;40m',
  'another direction': '\u202edessap\u202c \u2066a\u2069 \u2067b\u2069 \u2068c\u2069 \u202aa\u202b\u202d',
  'another alphabet, a bell, a NUL': '\u000e\u000f\u001b(0\u0007\0',
};

/** Bytes in UTF-8 that a terminal acts on: C0 but tab and line feed, DEL, C1, and what turns the direction around. */
// oxlint-disable-next-line no-control-regex -- these are what is looked for
const acted = /[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]/;

test('TerminalText gives a terminal no byte that it acts on, of any attack, wherever that is cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(fc.constantFrom(...Object.values(attacks)), fc.string({ unit: 'grapheme' })), {
        minLength: 1,
        maxLength: 6,
      }),
      fc.array(fc.nat(200), { maxLength: 8 }),
      async (parts, cuts) => {
        const said = parts.join('');
        const terminal = Object.assign(new PassThrough(), { isTTY: true });
        const text = new TerminalText(terminal, never);
        const ends = [...cuts.map((cut) => cut % (said.length + 1)), said.length].toSorted((a, b) => a - b);
        for (const [index, end] of ends.entries()) await text.write(said.slice(ends[index - 1] ?? 0, end));
        await text.end();
        const bytes = (terminal.read() as Buffer | null)?.toString('latin1') ?? '';
        assert.doesNotMatch(bytes, acted);
      },
    ),
    { numRuns: 300 },
  );
  for (const [what, attack] of Object.entries(attacks)) {
    const terminal = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY: true });
    const text = new TerminalText(terminal, never);
    for (const unit of `a${attack}b`) await text.write(unit);
    const shown = String(terminal.read());
    assert.match(shown, /^a[\x20-\x7e]*b$/, what);
  }
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
