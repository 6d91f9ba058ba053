// The second line of defence. renderBlock makes nothing but what is listed here; should a mistake in it or in
// the parser ever let more through, it goes no further.

import DOMPurify from 'dompurify';
import type { Config } from 'dompurify';

const tags =
  'a blockquote br button code del div em h3 h4 h5 h6 hr input li ol p pre span strong table tbody td th thead tr ul';
const attributes = 'aria-label checked class disabled href rel role scope start tabindex target title type';

const config: Config = {
  IN_PLACE: true,
  ALLOWED_TAGS: ['#text', ...tags.split(' ')],
  ALLOWED_ATTR: attributes.split(' '),
  // All but `href`: the expression below is for addresses.
  ADD_URI_SAFE_ATTR: attributes.split(' ').filter((name) => name !== 'href'),
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
};

/** `node` without all that a rendered message cannot have; its text alone when it is such a thing itself. */
export function sanitize(node: ChildNode): ChildNode {
  if (node instanceof Text) return node;
  const holder = document.createElement('div');
  holder.append(node);
  DOMPurify.sanitize(holder, config);
  const sane = node.parentNode === holder ? node : new Text(node.textContent ?? '');
  sane.remove();
  return sane;
}
