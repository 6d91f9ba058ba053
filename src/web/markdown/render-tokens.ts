// Tokens to DOM nodes. Every element comes from a fixed set and every word of the model becomes a text node: no
// HTML is written or parsed on the way.

import type { MarkedToken, Token, Tokens } from 'marked';
import { decodeEntities } from './decode-entities.ts';
import { element } from './element.ts';
import { renderCode } from './render-code.ts';
import { renderImage, renderLink } from './render-link.ts';

interface Place {
  readonly isInLink: boolean;
  readonly depth: number;
}

type Render<T> = (token: T, parent: Node, place: Place) => void;

/** Deeper than anybody writes, and shallow enough for the stack of a browser's layout. */
const mostDepth = 40;

/** The node of a block at the top of a message; undefined for one that shows nothing. */
export function renderBlock(token: Token): HTMLElement | undefined {
  const holder = document.createDocumentFragment();
  renderAll([token], holder, { isInLink: false, depth: 0 });
  const { firstChild } = holder;
  if (firstChild === null) return undefined;
  return holder.childNodes.length === 1 && firstChild instanceof HTMLElement
    ? firstChild
    : element('p', {}, holder);
}

function renderAll(tokens: readonly Token[], parent: Node, place: Place): void {
  const deeper = { ...place, depth: place.depth + 1 };
  for (const token of tokens) {
    const render = Object.hasOwn(renderers, token.type)
      ? (renderers[token.type as MarkedToken['type']] as Render<Token>)
      : renderLiteral;
    (place.depth < mostDepth ? render : renderLiteral)(token, parent, deeper);
  }
}

function renderLiteral({ raw }: Token, parent: Node): void {
  parent.appendChild(document.createTextNode(raw));
}

function renderNothing(): void {
  // A blank line or a definition has no place of its own.
}

function within(name: keyof HTMLElementTagNameMap): Render<{ tokens: Token[] }> {
  return ({ tokens }, parent, place) => {
    renderAll(tokens, parent.appendChild(element(name)), place);
  };
}

function renderText(token: Tokens.Text | Tokens.Escape, parent: Node, place: Place): void {
  if ('tokens' in token && token.tokens !== undefined) return renderAll(token.tokens, parent, place);
  const text = token.type === 'text' ? decodeEntities(token.text) : token.text;
  parent.appendChild(document.createTextNode(text));
}

/** The page's own headings are the first two levels; the message's begin below. */
function renderHeading({ depth, tokens }: Tokens.Heading, parent: Node, place: Place): void {
  const name = (['h3', 'h4', 'h5', 'h6'] as const)[depth - 1] ?? 'h6';
  renderAll(tokens, parent.appendChild(element(name, { class: `heading-${depth}` })), place);
}

function renderList({ ordered, start, items }: Tokens.List, parent: Node, place: Place): void {
  const attributes: Record<string, string> =
    ordered && start !== 1 && start !== '' ? { start: String(start) } : {};
  const list = parent.appendChild(element(ordered ? 'ol' : 'ul', attributes));
  for (const item of items) renderItem(item, list, place);
}

function renderItem(item: Tokens.ListItem, parent: Node, place: Place): void {
  const entry = parent.appendChild(element('li', item.task ? { class: 'task' } : {}));
  renderAll(item.tokens, entry, place);
}

function renderCheckbox({ checked }: Tokens.Checkbox, parent: Node): void {
  parent.appendChild(
    element('input', { type: 'checkbox', disabled: '', ...(checked ? { checked: '' } : {}) }),
  );
  parent.appendChild(document.createTextNode(' '));
}

function renderTable({ header, rows }: Tokens.Table, parent: Node, place: Place): void {
  const head = element('thead', {}, renderRow(header, place));
  const table = element('table', {}, head);
  if (rows.length > 0) table.append(element('tbody', {}, ...rows.map((row) => renderRow(row, place))));
  parent.appendChild(element('div', { class: 'table', tabindex: '0' }, table));
}

function renderRow(cells: readonly Tokens.TableCell[], place: Place): HTMLElement {
  const row = element('tr');
  for (const { tokens, header, align } of cells) {
    const cell = element(header ? 'th' : 'td', {
      ...(header ? { scope: 'col' } : {}),
      ...(align === null ? {} : { class: `align-${align}` }),
    });
    renderAll(tokens, cell, place);
    row.append(cell);
  }
  return row;
}

function renderAnchor(token: Tokens.Link, parent: Node, place: Place): void {
  const label = document.createDocumentFragment();
  renderAll(token.tokens, label, { ...place, isInLink: true });
  parent.appendChild(renderLink(token, label));
}

const renderers = {
  blockquote: within('blockquote'),
  br: (_token, parent) => {
    parent.appendChild(element('br'));
  },
  checkbox: renderCheckbox,
  code: ({ lang, text }, parent) => {
    parent.appendChild(renderCode(lang ?? '', text.replace(/\n$/, '')));
  },
  codespan: ({ text }, parent) => {
    parent.appendChild(element('code', {}, text));
  },
  def: renderNothing,
  del: within('del'),
  em: within('em'),
  escape: renderText,
  heading: renderHeading,
  hr: (_token, parent) => {
    parent.appendChild(element('hr'));
  },
  html: renderLiteral,
  image: (token, parent, { isInLink }) => {
    parent.appendChild(renderImage(token, isInLink));
  },
  link: renderAnchor,
  list: renderList,
  list_item: renderItem,
  paragraph: within('p'),
  space: renderNothing,
  strong: within('strong'),
  table: renderTable,
  text: renderText,
} satisfies { [Type in MarkedToken['type']]: Render<Extract<MarkedToken, { type: Type }>> };
