// What an answer has taken altogether, where its events do not say it.

import { totalUsage } from '../client/engine.ts';
import type { AttemptRecord } from '../client/index.ts';
import type { EndRecord } from '../storage/index.ts';

/** Nothing when nothing is known, or when the only request has said all itself. */
export function settledUsage(
  requests: readonly Pick<AttemptRecord, 'usage' | 'isUsageExact'>[],
): Pick<EndRecord, 'usage' | 'isUsageEstimated'> {
  // A request that was refused has taken nothing.
  const isExact = requests.every(({ usage, isUsageExact }) => usage === undefined || isUsageExact);
  const usage = totalUsage(requests);
  if (usage === undefined || (isExact && requests.length === 1)) return {};
  return isExact ? { usage } : { usage, isUsageEstimated: true };
}
