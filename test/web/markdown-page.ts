// The script of the page in which MarkdownBody is tested: it gives the tests what they cannot import into a
// browser. Built by vite as the chat page is.

import { createLinkDefinitions, lexMarkdown } from '../../src/web/markdown/lex-markdown.ts';
import { MarkdownBody } from '../../src/web/markdown/markdown-body.ts';
import { renderBlock } from '../../src/web/markdown/render-tokens.ts';
import { sanitize } from '../../src/web/markdown/sanitize.ts';

function createRoot(): HTMLElement {
  const root = document.createElement('div');
  document.body.replaceChildren(root);
  return root;
}

/** The whole text rendered at once, by nothing that knows about pieces. */
function renderWhole(text: string): HTMLElement {
  const root = document.createElement('div');
  const blocks = lexMarkdown(text, createLinkDefinitions()).map(renderBlock);
  root.append(...blocks.filter((block) => block !== undefined).map(sanitize));
  return root;
}

/** The text rendered piece by piece, each drawn. */
function renderPieces(pieces: readonly string[]): HTMLElement {
  const root = createRoot();
  const body = new MarkdownBody(root);
  for (const piece of pieces) {
    body.push(piece);
    body.draw();
  }
  body.finish();
  return root;
}

const tests = { createRoot, renderWhole, renderPieces, MarkdownBody };

export type MarkdownTests = typeof tests;

Object.assign(globalThis, { markdownTests: tests });
