// Makes live nodes equal to freshly rendered ones and changes as little as it can, so that a selection, a focus
// or the scroll position inside a block outlives the next frame.

/**
 * Makes the siblings behind `before` (from the first child when null) equal to `nodes`, in order, and returns the
 * live ones. What stands behind them is left alone.
 */
export function morphBehind(parent: Node, before: ChildNode | null, nodes: readonly ChildNode[]): ChildNode[] {
  let current = before === null ? parent.firstChild : before.nextSibling;
  return nodes.map((node) => {
    if (current === null) return parent.appendChild(node);
    const live = morphNode(current, node);
    current = live.nextSibling;
    return live;
  });
}

/** Removes all siblings behind `last`, all children when it is null. */
export function removeBehind(parent: Node, last: ChildNode | null): void {
  const isLast = (): ChildNode | null => (last === null ? parent.firstChild : last.nextSibling);
  for (let extra = isLast(); extra !== null; extra = isLast()) extra.remove();
}

/** Either `live`, made equal to `node`, or `node` in its place. */
function morphNode(live: ChildNode, node: ChildNode): ChildNode {
  if (live instanceof Text && node instanceof Text) {
    morphText(live, node.data);
    return live;
  }
  if (!(live instanceof Element) || !(node instanceof Element) || live.nodeName !== node.nodeName) {
    live.replaceWith(node);
    return node;
  }
  morphAttributes(live, node);
  const children = morphBehind(live, null, [...node.childNodes]);
  removeBehind(live, children.at(-1) ?? null);
  return live;
}

function morphText(live: Text, data: string): void {
  if (live.data === data) return;
  if (data.startsWith(live.data)) live.appendData(data.slice(live.length));
  else live.data = data;
}

function morphAttributes(live: Element, node: Element): void {
  for (const { name, value } of node.attributes) {
    if (live.getAttribute(name) !== value) live.setAttribute(name, value);
  }
  if (live.attributes.length === node.attributes.length) return;
  for (const name of live.getAttributeNames()) if (!node.hasAttribute(name)) live.removeAttribute(name);
}
