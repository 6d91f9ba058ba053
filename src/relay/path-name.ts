// A name in a path, as a client encoded it.

/** Undefined for what is no sound encoding. */
export function decodePathName(name: string): string | undefined {
  try {
    return decodeURIComponent(name);
  } catch {
    return undefined;
  }
}
