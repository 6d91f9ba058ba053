import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Token, Tokens } from 'marked';
import { BlockSplitter } from '../../src/web/markdown/block-splitter.ts';
import { createLinkDefinitions, lexBlocks, lexMarkdown } from '../../src/web/markdown/lex-markdown.ts';
import { markdownText } from './markdown-arbitrary.ts';

/** The settled blocks when `text` comes in `pieces`, and the rest as the last. */
function split(pieces: readonly string[]): string[] {
  const splitter = new BlockSplitter();
  const settled: string[] = [];
  for (const piece of pieces) {
    splitter.push(piece);
    settled.push(...splitter.takeSettled());
  }
  settled.push(...splitter.end());
  return settled;
}

/** The blocks that show something. */
function shownBlocks(text: string): Token[] {
  return lexBlocks(text).filter(({ type }) => type !== 'space' && type !== 'def');
}

const inLines = (text: string): string[] => text.split(/(?<=\n)/);

test('BlockSplitter settles a block when the next one has a whole line, or a blank line has ended it', () => {
  const splitter = new BlockSplitter();
  splitter.push('# Head\nText that\ngoes on\n');
  assert.deepEqual(splitter.takeSettled(), ['# Head\n']);
  splitter.push('\n');
  assert.deepEqual(splitter.takeSettled(), ['Text that\ngoes on\n\n']);
  splitter.push('1. one\n\n2');
  assert.deepEqual(splitter.takeSettled(), [], 'the 2 may become the next item');
  splitter.push('. two\n\nEnd');
  assert.deepEqual(splitter.takeSettled(), []);
  splitter.push(' of the list\n');
  assert.deepEqual(splitter.takeSettled(), ['1. one\n\n2. two\n\n']);
  assert.equal(splitter.tail, 'End of the list\n');
  assert.deepEqual(splitter.end(), ['End of the list\n']);
  assert.equal(splitter.tail, '');
});

test('BlockSplitter keeps an open fence together, whatever its lines look like', () => {
  const splitter = new BlockSplitter();
  splitter.push('Before\n````md\n# no heading\n\n```\n');
  assert.deepEqual(splitter.takeSettled(), ['Before\n']);
  assert.equal(splitter.openFence?.info, 'md');
  assert.equal(splitter.openFence.code(splitter.tail), '# no heading\n\n```');
  splitter.push('``');
  assert.equal(splitter.openFence.code(splitter.tail), '# no heading\n\n```', 'it may be the closing line');
  splitter.push('``\nafter');
  assert.deepEqual(splitter.takeSettled(), ['````md\n# no heading\n\n```\n````\n']);
  assert.equal(splitter.openFence, undefined);
  assert.equal(splitter.tail, 'after');
});

test('BlockSplitter makes all line ends LF, also when CR and LF come apart', () => {
  assert.equal(split(['a\r', '\nb\r', 'c\r']).join('|'), 'a\nb\nc\n');
});

test('BlockSplitter keeps the white space at the end of a list as it came', () => {
  const text = '- [x] done\nplain words## ';
  assert.deepEqual(split([text]), [text]);
});

test('BlockSplitter: the settled blocks and the rest are the text', () => {
  fc.assert(
    fc.property(markdownText, (text) => {
      const plain = text.replaceAll(/\r\n?/g, '\n');
      assert.equal(split(text.split('')).join(''), plain);
      assert.equal(split([text]).join(''), plain);
    }),
    { numRuns: 500 },
  );
});

test('BlockSplitter: a settled block is one that the whole text has there, also when parsed alone', () => {
  fc.assert(
    fc.property(markdownText, fc.boolean(), (text, byLine) => {
      const plain = text.replaceAll(/\r\n?/g, '\n');
      const pieces = split(byLine ? inLines(plain) : plain.split(''));
      assert.deepEqual(pieces.flatMap(shownBlocks).map(bare), shownBlocks(plain).map(bare));
    }),
    { numRuns: 3000 },
  );
});

/** What a block is, without the blank lines behind it. */
function bare({ type, raw }: Token): string {
  return `${type}: ${raw.trimEnd()}`;
}

test('lexMarkdown takes HTML for text and knows one tag, the line break', () => {
  const types = (text: string): string[] => {
    const [block] = lexMarkdown(text, createLinkDefinitions()) as Tokens.Paragraph[];
    return (block?.tokens ?? []).map(({ type, raw }) => `${type} ${raw}`);
  };
  assert.deepEqual(types('<b onclick=x>*a*</b>'), ['text <b onclick=x>', 'em *a*', 'text </b>']);
  assert.deepEqual(types('a<br>b<BR />c'), ['text a', 'br <br>', 'text b', 'br <BR />', 'text c']);
  assert.deepEqual(types('<script>\nalert(1)\n</script>'), ['text <script>\nalert(1)\n</script>']);
});

test('lexMarkdown shows a nesting as text that is too deep to be parsed', () => {
  const text = '>'.repeat(20_000);
  const [block, ...others] = lexMarkdown(text, createLinkDefinitions());
  assert.equal(others.length, 0);
  assert.ok(block?.type === 'paragraph' || block?.type === 'blockquote');
});
