// Faults of the events themselves: some that cannot be, some that nobody knows yet.

import { toFrame } from '../frame-writer.ts';
import { toFrameStep } from '../step.ts';
import type { Step } from '../step.ts';
import type { FaultContext } from './fault-context.ts';
import type { FaultOf } from './fault.ts';
import { indexOf, mapText, toEventText, typeOf, textOf, withIndex } from './event-text.ts';
import { insertAt } from './insert-steps.ts';
import { errorMessages } from './status-errors.ts';

/** As recorded: `details` before `type`, padding, and then the stream just ends. */
export function errorEvent(
  steps: Iterable<Step>,
  { type, message = errorMessages[type], atEvent }: FaultOf<'error_event'>,
  { requestId, random }: FaultContext,
): Iterable<Step> {
  const error = { details: null, type, message };
  const frame = toFrame({ type: 'error', error, request_id: requestId }, random);
  return insertAt(steps, { atEvent }, () => [toFrameStep(frame), { type: 'close', by: 'end' }]);
}

export function invalidJson(steps: Iterable<Step>, { atEvent }: FaultOf<'invalid_json'>): Iterable<Step> {
  return mapText(steps, (text, position) => (position === atEvent ? text.replace(/\}\n\n$/, '\n\n') : text));
}

export function* duplicateBlock(
  steps: Iterable<Step>,
  { index }: FaultOf<'duplicate_block'>,
): Generator<Step> {
  for (const step of steps) {
    yield step;
    const isStart = step.type === 'frame' && typeOf(step) === 'content_block_start';
    if (isStart && indexOf(textOf(step)) === index) yield { ...step, gapMs: 0 };
  }
}

export function outOfOrder(steps: Iterable<Step>, { index }: FaultOf<'out_of_order'>): Iterable<Step> {
  const swapped = new Map([
    [index, index + 1],
    [index + 1, index],
  ]);
  return mapText(steps, (text) => {
    const isOfBlock = text.startsWith('event: content_block_');
    const other = isOfBlock ? swapped.get(indexOf(text) ?? -1) : undefined;
    return other === undefined ? text : withIndex(text, other);
  });
}

const filler = { note: 'Made by the simulator: nobody knows this.' };

export function unknownEvent(steps: Iterable<Step>, { atEvent }: FaultOf<'unknown_event'>): Iterable<Step> {
  return insertAt(steps, { atEvent }, () => [toFrameStep(toEventText('simulator_event', filler))]);
}

export function* unknownBlock(steps: Iterable<Step>): Generator<Step> {
  let index = 0;
  for (const step of steps) {
    const type = typeOf(step);
    if (type === 'content_block_start') index += 1;
    if (type === 'message_delta') {
      yield toFrameStep(
        toEventText('content_block_start', { index, content_block: { type: 'simulator_block', ...filler } }),
      );
      yield toFrameStep(unknownDeltaText(index));
      yield toFrameStep(toEventText('content_block_stop', { index }));
    }
    yield step;
  }
}

function unknownDeltaText(index: number): string {
  return toEventText('content_block_delta', { index, delta: { type: 'simulator_delta', ...filler } });
}

export function unknownDelta(steps: Iterable<Step>): Iterable<Step> {
  return afterFirstStart(steps, /./, unknownDeltaText);
}

export function hugeEvent(steps: Iterable<Step>, { bytes }: FaultOf<'huge_event'>): Iterable<Step> {
  const withText = (index: number, text: string): string =>
    toEventText('content_block_delta', { index, delta: { type: 'text_delta', text } });
  return afterFirstStart(steps, /"type": ?"text"/, (index) =>
    withText(index, 'x'.repeat(Math.max(bytes - withText(index, '').length, 1))),
  );
}

/** The steps with an event behind the first start of a block that has the pattern in its text. */
function* afterFirstStart(
  steps: Iterable<Step>,
  pattern: RegExp,
  toText: (index: number) => string,
): Generator<Step> {
  let isDone = false;
  for (const step of steps) {
    yield step;
    if (isDone || step.type !== 'frame' || typeOf(step) !== 'content_block_start') continue;
    const text = textOf(step);
    if (!pattern.test(text)) continue;
    isDone = true;
    yield toFrameStep(toText(indexOf(text) ?? 0));
  }
}
