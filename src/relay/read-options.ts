// What one reader of one log is, to those around it.

import type { EntryId } from '../storage/index.ts';
import type { Turn } from './access/turn.ts';
import type { Dismissal } from './dismissal.ts';
import type { Loss, Parting } from './parting.ts';
import type { ReaderOutcome } from './telemetry/telemetry.ts';

export interface ReadOptions {
  readonly id: string;
  readonly after: EntryId;
  readonly signal: AbortSignal;
  /** Called when reading begins: who does not read is no reader. */
  readonly onBegin?: (() => Following) | undefined;
  /** Called when reading is over, also where it never began; perhaps more than once. */
  readonly onClose?: (() => void) | undefined;
  /** When it begins, what the log has is said, and the reader is sent away. */
  readonly parting?: Parting | undefined;
  /** When it begins, who reads may not any more. */
  readonly dismissal?: Dismissal | undefined;
  /** After which the reader is sent away to come back, where the format has a word for it; default never. */
  readonly maxAgeMs?: number | undefined;
  /** The longest silence on the connection, in milliseconds. */
  readonly pingMs: number;
  /** Told of a store that fails; the reader gets an ending. */
  readonly onError: (error: unknown) => void;
}

export interface Following {
  /** Where the stream is in the queue of its owner, while it waits for its turn. */
  readonly turn?: Pick<Turn, 'position' | 'changed'> | undefined;
  /** Begins when nobody will write the log's end. */
  readonly loss?: Loss | undefined;
  /** Called once, when reading is over. */
  readonly onEnd: (outcome: ReaderOutcome) => void;
}
