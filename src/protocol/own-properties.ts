// Plain JSON data, handled so that no key and no depth does harm.

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Sets an own property, as JSON.parse would: assigning to `__proto__` would change the prototype instead. */
export function setOwn(target: object, key: string | number, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
  } else {
    (target as Record<string | number, unknown>)[key] = value;
  }
}

/** A deep copy of JSON data. Without recursion: data nested ten thousand deep is legal. */
export function copyJson<T>(value: T): T {
  if (!isObject(value)) return value;
  const root = emptyLike(value);
  const open: [source: object, target: object][] = [[value, root]];
  for (let pair = open.pop(); pair !== undefined; pair = open.pop()) {
    const [source, target] = pair;
    for (const [key, item] of Object.entries(source) as [string, unknown][]) {
      const copy: unknown = isObject(item) ? emptyLike(item) : item;
      setOwn(target, key, copy);
      if (isObject(item)) open.push([item, copy as object]);
    }
  }
  return root as T;
}

function emptyLike(value: object): object {
  return Array.isArray(value) ? [] : {};
}
