// How much memory V8 takes for young objects. Left alone it grows to 96 MB where much passes through, and to half of
// that beside silent streams, and gives nothing back: docs/decisions/0018-young-generation.md.

import { setFlagsFromString } from 'node:v8';

/** Keeps the young generation at the size it begins with; a size that the user chose stands. To be called early. */
export function holdYoungGeneration(): void {
  const given = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''];
  if (given.some((flags) => flags.includes('semi-space') || flags.includes('semi_space'))) return;
  setFlagsFromString('--semi-space-growth-factor=1');
}
