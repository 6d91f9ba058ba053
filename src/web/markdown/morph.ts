// Makes live nodes equal to freshly rendered ones and changes as little as it can, so that a selection, a focus
// or the scroll position inside a block outlives the next frame. What is new goes through `sanitize` on its way
// in: elements, and attributes that differ. Text needs none.

import { sanitize } from './sanitize.ts';

/**
 * Makes the siblings behind `before` (from the first child when null) equal to `nodes`, in order, and returns the
 * live ones. What stands behind them is left alone.
 */
export function morphBehind(
  parent: Node,
  before: ChildNode | null,
  nodes: readonly ChildNode[],
): ChildNode[] {
  let current = before === null ? parent.firstChild : before.nextSibling;
  return nodes.map((node) => {
    if (current === null) return parent.appendChild(sanitize(node));
    const live = morphNode(current, node);
    current = live.nextSibling;
    return live;
  });
}

/** Removes all siblings behind `last`, all children when it is null. */
export function removeBehind(parent: Node, last: ChildNode | null): void {
  const firstExtra = (): ChildNode | null => (last === null ? parent.firstChild : last.nextSibling);
  for (let extra = firstExtra(); extra !== null; extra = firstExtra()) extra.remove();
}

/** Either `live`, made equal to `node`, or `node` in its place. */
function morphNode(live: ChildNode, node: ChildNode): ChildNode {
  if (live instanceof Text && node instanceof Text) {
    morphText(live, node.data);
    return live;
  }
  if (!(live instanceof Element) || !(node instanceof Element) || live.nodeName !== node.nodeName) {
    const sane = sanitize(node);
    live.replaceWith(sane);
    return sane;
  }
  if (!hasSameAttributes(live, node)) takeAttributes(live, node);
  morphChildren(live, node);
  return live;
}

/** The same as morphBehind for all children; this is the inner loop of a frame, and makes no lists. */
function morphChildren(live: Element, node: Element): void {
  let last: ChildNode | null = null;
  let next = node.firstChild;
  while (next !== null) {
    const wanted = next;
    next = next.nextSibling;
    const current: ChildNode | null = last === null ? live.firstChild : last.nextSibling;
    last = current === null ? live.appendChild(sanitize(wanted)) : morphNode(current, wanted);
  }
  if (live.lastChild !== last) removeBehind(live, last);
}

function morphText(live: Text, data: string): void {
  const { data: shown } = live;
  if (shown === data) return;
  if (data.startsWith(shown)) live.appendData(data.slice(shown.length));
  else live.data = data;
}

function hasSameAttributes(live: Element, { attributes }: Element): boolean {
  const { length } = attributes;
  if (live.attributes.length !== length) return false;
  for (let index = 0; index < length; index += 1) {
    const attribute = attributes[index];
    if (attribute !== undefined && live.getAttribute(attribute.name) !== attribute.value) return false;
  }
  return true;
}

function takeAttributes(live: Element, node: Element): void {
  const sane = sanitize(node);
  if (!(sane instanceof Element)) return;
  for (const name of live.getAttributeNames()) if (!sane.hasAttribute(name)) live.removeAttribute(name);
  for (const { name, value } of sane.attributes) {
    if (live.getAttribute(name) !== value) live.setAttribute(name, value);
  }
}
