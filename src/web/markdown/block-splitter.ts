// Cuts growing markdown into what no further text can change, and the rest. Text in, text out: no DOM here.

import type { Token } from 'marked';
import { lexBlocks } from './lex-markdown.ts';
import { OpenFence } from './open-fence.ts';

/**
 * Splits a text that arrives in pieces.
 *
 * 1. The blocks taken and the tail, in order, are the text pushed (with its line ends made LF).
 * 2. A block taken is one that the whole text has there, whatever comes, and it is the same when parsed alone.
 *    Only what is known to link definitions may still change in it.
 * 3. Where the text was cut makes no difference to 2.
 */
export class BlockSplitter {
  #tail = '';
  /** A CR at the end of the text: whether a LF follows decides what it is. */
  #heldReturn = '';
  /** Where in the tail the lines end that have been looked at: without a new line there is nothing to settle. */
  #seen = 0;
  #fence: OpenFence | undefined;

  /** What may still change. */
  get tail(): string {
    return this.#tail;
  }

  /** The fence the tail consists of, as long as it is open. */
  get openFence(): OpenFence | undefined {
    return this.#fence;
  }

  push(text: string): void {
    const whole = this.#heldReturn + text;
    this.#heldReturn = whole.endsWith('\r') ? '\r' : '';
    const kept = this.#heldReturn === '' ? whole : whole.slice(0, -1);
    this.#tail += kept.includes('\r') ? kept.replaceAll(/\r\n?/g, '\n') : kept;
  }

  /** Takes the blocks that have settled since the last call, each with the blank lines around it. */
  takeSettled(): string[] {
    const settled: string[] = [];
    for (let blocks = this.#settledBlocks(); blocks.length > 0; blocks = this.#settledBlocks()) {
      for (const block of blocks) {
        settled.push(block);
        this.#tail = this.#tail.slice(block.length);
      }
      this.#seen = 0;
      this.#fence = undefined;
    }
    return settled;
  }

  /** Takes everything: no more text will come. */
  end(): string[] {
    const rest = this.#tail + this.#heldReturn.replace('\r', '\n');
    this.#tail = '';
    this.#heldReturn = '';
    this.#fence = undefined;
    const blocks = toBlocks(rest, lexBlocks(rest));
    const left = rest.slice(blocks.join('').length);
    return left === '' ? blocks : [...blocks, left];
  }

  #settledBlocks(): string[] {
    this.#fence ??= OpenFence.at(this.#tail);
    if (this.#fence !== undefined) {
      const end = this.#fence.end(this.#tail);
      return end === undefined ? [] : [this.#tail.slice(0, end)];
    }
    const end = this.#tail.lastIndexOf('\n') + 1;
    if (end === this.#seen) return [];
    this.#seen = end;
    // Lines that are not whole do not count: `2` behind a list may become its next item.
    const lines = this.#tail.slice(0, end);
    return toBlocks(lines, settledTokens(lexBlocks(lines), end));
  }
}

/** Blocks that end at a blank line, whatever follows it. Behind one a list, for example, may go on. */
const endsAtBlankLine: ReadonlySet<string> = new Set(['heading', 'hr', 'paragraph', 'table']);

/** What of whole lines has settled: all blocks but the last, and the last when a blank line has ended it. */
function settledTokens(tokens: readonly Token[], length: number): readonly Token[] {
  // marked promises that the raw texts add up to the text; if they ever did not, waiting is safe.
  if (tokens.reduce((sum, { raw }) => sum + raw.length, 0) !== length) return [];
  const last = tokens.findLastIndex(({ type }) => type !== 'space');
  const isEnded = last < tokens.length - 1 && endsAtBlankLine.has(tokens[last]?.type ?? '');
  return isEnded ? tokens : tokens.slice(0, Math.max(last, 0));
}

/** Cut out of the text itself: a list's raw text may end with another white space than the text has there. */
function toBlocks(text: string, tokens: readonly Token[]): string[] {
  const blocks: string[] = [];
  let start = 0;
  for (const { type, raw } of tokens) {
    const piece = text.slice(start, start + raw.length);
    start += raw.length;
    if (type === 'space' && blocks.length > 0) blocks.push(`${blocks.pop() ?? ''}${piece}`);
    else blocks.push(piece);
  }
  return blocks;
}
