// The body of a message: markdown that arrives in pieces, as DOM. Framework-free.

import type { Token } from 'marked';
import { BlockSplitter } from './block-splitter.ts';
import { createLinkDefinitions, lexMarkdown } from './lex-markdown.ts';
import type { LinkDefinitions } from './lex-markdown.ts';
import { morphBehind, removeBehind } from './morph.ts';
import type { OpenFence } from './open-fence.ts';
import { renderBlock } from './render-tokens.ts';
import { renderCode } from './render-code.ts';
import { repairTail } from './repair-tail.ts';

/** A finished block that names a link definition which has not come yet. */
interface WaitingBlock {
  readonly raw: string;
  node: ChildNode;
}

/**
 * Renders markdown into `root`, which it owns.
 *
 * 1. After `finish` the DOM is the same wherever the text was cut.
 * 2. A finished block is rendered once and never touched again, but for one that waited for a link definition.
 * 3. The cost of a `draw` is that of the unfinished last blocks; an open code block costs what is new in it.
 * 4. Nothing of the text becomes markup: see renderBlock, and sanitize behind it.
 */
export class MarkdownBody {
  readonly #root: HTMLElement;
  readonly #splitter = new BlockSplitter();
  readonly #links: LinkDefinitions = createLinkDefinitions();
  /** By label. A block stands under each label it names. */
  readonly #waiting = new Map<string, WaitingBlock[]>();
  /** The last node that is finished; what stands behind it is the tail. */
  #lastFinished: ChildNode | null = null;
  /** The open code block being shown, and its text. */
  #shownFence: { readonly fence: OpenFence; readonly text: Text } | undefined;

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  /** Adds to the text; nothing is drawn. */
  push(text: string): void {
    this.#splitter.push(text);
  }

  /** Shows all text pushed so far. */
  draw(): void {
    this.#finishBlocks(this.#splitter.takeSettled());
    const fence = this.#splitter.openFence;
    if (fence === undefined) this.#drawTail();
    else this.#drawFence(fence);
  }

  /** Shows the text as it is, with nothing repaired: no more will come. */
  finish(): void {
    this.#finishBlocks(this.#splitter.takeSettled());
    this.#finishBlocks(this.#splitter.end());
    this.#shownFence = undefined;
    removeBehind(this.#root, this.#lastFinished);
  }

  #finishBlocks(blocks: readonly string[]): void {
    if (blocks.length === 0) return;
    this.#shownFence = undefined;
    const known = Object.keys(this.#links).length;
    for (const block of blocks) this.#finishBlock(block);
    if (Object.keys(this.#links).length > known) this.#renderDefined();
  }

  #finishBlock(raw: string): void {
    // Alone, as every finished block: what a parser makes of a line can depend on the lines behind it.
    const [node] = this.#showBehind(this.#lastFinished, lexMarkdown(raw, this.#links));
    if (node === undefined) return;
    this.#lastFinished = node;
    const block = { raw, node };
    for (const label of labelsIn(raw)) {
      if (Object.hasOwn(this.#links, label)) continue;
      const waiting = this.#waiting.get(label);
      if (waiting === undefined) this.#waiting.set(label, [block]);
      else waiting.push(block);
    }
  }

  /** Renders anew what has waited for a definition that is there now. */
  #renderDefined(): void {
    for (const [label, blocks] of this.#waiting) {
      if (!Object.hasOwn(this.#links, label)) continue;
      for (const block of blocks) this.#renderAnew(block);
      this.#waiting.delete(label);
    }
  }

  #renderAnew(block: WaitingBlock): void {
    const isLast = block.node === this.#lastFinished;
    const { previousSibling } = block.node;
    block.node = this.#showBehind(previousSibling, lexMarkdown(block.raw, this.#links))[0] ?? block.node;
    if (isLast) this.#lastFinished = block.node;
  }

  /** Makes the siblings behind `before` what the tokens say, and returns them. */
  #showBehind(before: ChildNode | null, tokens: readonly Token[]): ChildNode[] {
    const blocks = tokens.map(renderBlock).filter((block) => block !== undefined);
    return morphBehind(this.#root, before, blocks);
  }

  #drawTail(): void {
    const tokens = lexMarkdown(repairTail(this.#splitter.tail), createLinkDefinitions(this.#links));
    const nodes = this.#showBehind(this.#lastFinished, tokens);
    removeBehind(this.#root, nodes.at(-1) ?? this.#lastFinished);
  }

  #drawFence(fence: OpenFence): void {
    const code = fence.code(this.#splitter.tail);
    if (this.#shownFence?.fence === fence) {
      const { text } = this.#shownFence;
      // Held-back marks can turn out to be code, but what is shown only ever grows.
      if (code.length > text.length) text.appendData(code.slice(text.length));
      return;
    }
    const [block = null] = morphBehind(this.#root, this.#lastFinished, [renderCode(fence.info, code)]);
    removeBehind(this.#root, block);
    const place = block instanceof Element ? block.querySelector('code') : null;
    if (place === null) return;
    const text = place.firstChild instanceof Text ? place.firstChild : place.appendChild(new Text());
    this.#shownFence = { fence, text };
  }
}

/** The labels in brackets, normalised as marked does it. */
function labelsIn(raw: string): Set<string> {
  const labels = new Set<string>();
  for (const [, label = ''] of raw.matchAll(/\[((?:[^[\]\\]|\\.)+)\]/g)) {
    labels.add(label.trim().replaceAll(/\s+/g, ' ').toLowerCase().toUpperCase().toLowerCase());
  }
  return labels;
}
