// How much memory V8 takes for objects that are young: docs/decisions/0018-young-generation.md.

import { setFlagsFromString } from 'node:v8';
import type { RelayTelemetry } from '../relay/index.ts';

/** While so many streams say something, the memory is little for each, and collecting less often saves more. */
const manyStreams = 64;

/** Those that have said something within it are counted anew. */
const windowMs = 5000;

interface YoungGenerationOptions {
  /** The flags that this process was started with; where they say a size it is left alone. */
  readonly flags?: string | undefined;
  readonly setFlag?: ((flag: string) => void) | undefined;
}

/** Lets the space for young objects grow while many streams say something at once, and keeps it as it is otherwise: for
 * this whole process. */
export function createYoungGeneration({
  flags = [...process.execArgv, process.env['NODE_OPTIONS']].join(' '),
  setFlag = setFlagsFromString,
}: YoungGenerationOptions = {}): RelayTelemetry {
  if (/semi[-_]space/.test(flags)) return {};
  let window = 0;
  let speaking = 0;
  const growBy = (factor: 1 | 2): void => setFlag(`--semi-space-growth-factor=${factor}`);
  growBy(1);
  setInterval(() => {
    if (speaking < manyStreams) growBy(1);
    speaking = 0;
    window += 1;
  }, windowMs).unref();
  return {
    begin: () => {
      let countedIn = -1;
      return {
        moreContent: () => {
          if (countedIn === window) return;
          countedIn = window;
          speaking += 1;
          if (speaking === manyStreams) growBy(2);
        },
      };
    },
  };
}
