// JavaScript strings count UTF-16 units; a character outside the first plane has two, and half of one is no text.

/** The position at or just before `end` where `text` can be cut without splitting a surrogate pair. */
export function cutBefore(text: string, end: number): number {
  const isSplit = end > 0 && isHigh(text.charCodeAt(end - 1)) && isLow(text.charCodeAt(end));
  return isSplit ? end - 1 : end;
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}
