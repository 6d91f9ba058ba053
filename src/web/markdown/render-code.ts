// A block of code with its language and a copy button. What the button does is the page's (see copyCode).

import { strings } from '../strings.ts';
import { element } from './element.ts';

/** `info` is what stands behind the fence: its first word is the language. */
export function renderCode(info: string, text: string): HTMLElement {
  const language = /^[^\s{]+/.exec(info)?.[0] ?? '';
  const label = language === '' ? strings.code.plain : language;
  return element(
    'div',
    { class: 'code' },
    element(
      'div',
      { class: 'code-head' },
      element('span', { class: 'code-language' }, label),
      element(
        'button',
        { type: 'button', class: 'code-copy', 'aria-label': strings.code.copyLabel(label) },
        strings.code.copy,
      ),
    ),
    element(
      'pre',
      { class: 'code-text', tabindex: '0', role: 'group', 'aria-label': strings.code.region(label) },
      element('code', {}, text),
    ),
  );
}

/** The code of a block, as it is copied. */
export function codeText(block: Element): string {
  return block.querySelector('code')?.textContent ?? '';
}
