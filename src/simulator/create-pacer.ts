// The pace of one answer, at the simulator's speed.

import type { Exchange } from './exchange.ts';
import { Pacer } from './pacer.ts';
import type { PaceOptions } from './pacer.ts';

export function createPacer(exchange: Exchange, asked: Pick<PaceOptions, 'model' | 'inputTokens'>): Pacer {
  const { speed, pace } = exchange.simulation.settings;
  return new Pacer({ ...pace, ...asked, speed }, exchange.random('pacing'));
}
