// Which recordings a model's streams are like. Families are what there are enough recordings of; a model without
// any goes with its nearest neighbour.

import { generationOf } from './models.ts';

export type ModelFamily =
  | '3-haiku'
  | '3-opus'
  | '3.5-haiku'
  | '3.5-sonnet'
  | '3.7-sonnet'
  | 'haiku-4.5'
  | 'opus-4.1'
  | 'sonnet-4'
  | 'sonnet-4.5'
  | 'sonnet-4.6'
  | 'sonnet-5';

type Applies = (size: Size, generation: number) => boolean;
type Size = 'haiku' | 'sonnet' | 'opus';

/** The first that applies is the family. */
const rules: readonly [family: ModelFamily, applies: Applies][] = [
  ['3-opus', (size, generation) => size === 'opus' && generation < 4],
  // Claude 3 Sonnet goes with its contemporary.
  ['3-haiku', (_size, generation) => generation < 3.5],
  ['3.5-haiku', (size, generation) => size === 'haiku' && generation < 4],
  ['3.5-sonnet', (_size, generation) => generation < 3.7],
  ['3.7-sonnet', (_size, generation) => generation < 4],
  // Opus 4 with Opus 4.1.
  ['opus-4.1', (size, generation) => size === 'opus' && generation < 4.5],
  ['sonnet-4', (_size, generation) => generation < 4.5],
  ['haiku-4.5', (size, generation) => size === 'haiku' && generation < 4.6],
  // Opus 4.5 with Sonnet 4.5, Opus 4.6 with Sonnet 4.6: of both there are only recordings of other services.
  ['sonnet-4.5', (_size, generation) => generation < 4.6],
  ['sonnet-4.6', (_size, generation) => generation < 4.7],
  // Opus 4.7 and 4.8 batch as Sonnet 5 does. What is newer, and names nobody knows, go with it.
  ['sonnet-5', () => true],
];

export function familyOf(model: string): ModelFamily {
  const size = (['haiku', 'opus'] as const).find((each) => model.includes(each)) ?? 'sonnet';
  const generation = generationOf(model);
  return rules.find(([, applies]) => applies(size, generation))?.[0] ?? 'sonnet-5';
}
