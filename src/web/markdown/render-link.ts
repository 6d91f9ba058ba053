// Links and images of the model. A link shows where it leads; an image is never loaded, because its address can
// carry away what the conversation says, and only named, with a link for whoever wants to see it.

import type { Tokens } from 'marked';
import { strings } from '../strings.ts';
import { decodeEntities } from './decode-entities.ts';
import { element } from './element.ts';
import { toSafeUrl } from './to-safe-url.ts';

/** `label` is the rendered text of the link. An address that is not allowed leaves its text alone. */
export function renderLink({ href, title }: Tokens.Link, label: DocumentFragment): Node {
  const url = toSafeUrl(decodeEntities(href));
  if (url === undefined) return label;
  const text = label.textContent;
  const link = anchor(url, title == null ? url.href : `${decodeEntities(title)} (${url.href})`);
  link.append(label);
  if (!namesAnotherHost(text, url)) return link;
  const fragment = document.createDocumentFragment();
  fragment.append(link, element('span', { class: 'link-host' }, ` (${url.host})`));
  return fragment;
}

/** What stands for an image. Within a link it has none of its own. */
export function renderImage({ href, text }: Tokens.Image, isInLink: boolean): HTMLElement {
  const url = toSafeUrl(decodeEntities(href));
  const name = decodeEntities(text).trim();
  const label = name === '' ? strings.image.unnamed : strings.image.named(name);
  const placeholder = element('span', { class: 'image' }, element('span', { class: 'image-name' }, label));
  if (url === undefined || url.host === '') return placeholder;
  if (isInLink) {
    placeholder.append(element('span', { class: 'image-host' }, ` ${url.host}`));
  } else {
    const link = anchor(url, url.href);
    link.append(strings.image.open(url.host));
    placeholder.append(' ', link);
  }
  return placeholder;
}

function anchor(url: URL, title: string): HTMLAnchorElement {
  return element('a', {
    href: url.href,
    title,
    target: '_blank',
    rel: 'noopener noreferrer nofollow',
  });
}

/** An address as it stands in a text; a name like `README.md` or `Node.js` is none. */
const address = /^\s*(?:https?:\/\/|(?=www\.)|(?=\S+\.(?:com|edu|gov|net|org)\b))([^\s/?#]+)/i;

/** Whether the text names a host, and another one than where the link leads. */
function namesAnotherHost(text: string, { hostname }: URL): boolean {
  const named = address.exec(text)?.[1];
  if (named === undefined || hostname === '') return false;
  const bare = (name: string): string => name.replace(/^www\./, '');
  return bare(toSafeUrl(`https://${named}`)?.hostname ?? named) !== bare(hostname);
}
