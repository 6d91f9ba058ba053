// What each fault does to an answer.

import type { Reply } from '../reply.ts';
import { cut, neverClose, stall } from './connection-faults.ts';
import {
  duplicateBlock,
  errorEvent,
  hugeEvent,
  invalidJson,
  outOfOrder,
  unknownBlock,
  unknownDelta,
  unknownEvent,
} from './event-faults.ts';
import type { FaultContext } from './fault-context.ts';
import type { AppliedFault, FaultKind, FaultOf } from './fault.ts';
import { crlf, dataOnly, done, merge, split } from './framing-faults.ts';
import { contentType, drop, onBody, onStream, otherBody, slowHeaders, statusError } from './reply-faults.ts';

type Change<Kind extends FaultKind> = (reply: Reply, fault: FaultOf<Kind>, context: FaultContext) => Reply;

const unchanged = (reply: Reply): Reply => reply;

/**
 * In the order in which they are applied: first what the answer is, then its events, how they are written, where
 * it breaks, and in which pieces it travels. So a place is one of the stream as it is written.
 */
export const changes: { readonly [Kind in FaultKind]: Change<Kind> } = {
  // What these do is done before there is an answer: the first two by `FaultPlans`, the third where it is made.
  refuse: unchanged,
  rate_limit: unchanged,
  seam: unchanged,
  status: statusError,
  body: otherBody,
  content_type: contentType,
  slow_headers: slowHeaders,
  drop,
  unknown_event: onStream(unknownEvent),
  unknown_delta: onStream(unknownDelta),
  unknown_block: onStream(unknownBlock),
  huge_event: onStream(hugeEvent),
  duplicate_block: onStream(duplicateBlock),
  out_of_order: onStream(outOfOrder),
  invalid_json: onStream(invalidJson),
  error_event: onStream(errorEvent),
  data_only: onStream(dataOnly),
  done: onStream(done),
  crlf: onStream(crlf),
  never_close: onBody(neverClose),
  stall: onBody(stall),
  cut: onBody(cut),
  split: onBody(split),
  merge: onBody(merge),
};

const order = Object.keys(changes);

/** The answer with the faults in it. Pure: what it takes, and when, is left to whoever sends the steps. */
export function applyFaults(reply: Reply, faults: readonly AppliedFault[], context: FaultContext): Reply {
  return faults
    .toSorted((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind))
    .reduce((changed, fault) => {
      // The table has for each kind the function that takes it.
      const change = changes[fault.kind] as Change<FaultKind>;
      return change(changed, fault, context);
    }, reply);
}
