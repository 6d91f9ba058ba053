// The models the simulator lists, in the shape of the API's own list of August 2026, and what depends on a model.
// Other names that are taken are in known-names.ts.

import type { JsonObject } from './json-object.ts';
import { aliases, formerModels, newerModels } from './known-names.ts';

interface ModelFacts {
  readonly name: string;
  readonly createdOn: string;
  readonly maxInputTokens: number;
  readonly maxOutputTokens: number;
  /** What not all models can do. */
  readonly abilities: readonly Ability[];
}

type Ability = 'code_execution' | 'compact' | Effort | 'adaptive_thinking' | 'enabled_thinking';
type Effort = 'low' | 'medium' | 'high' | 'xhigh' | 'max';

const levels: readonly Effort[] = ['low', 'medium', 'high', 'xhigh', 'max'];

const latest: readonly Ability[] = [
  'code_execution',
  'compact',
  'low',
  'medium',
  'high',
  'xhigh',
  'max',
  'adaptive_thinking',
];
const generation46: readonly Ability[] = [
  'code_execution',
  'compact',
  'low',
  'medium',
  'high',
  'max',
  'adaptive_thinking',
  'enabled_thinking',
];

const models: ReadonlyMap<string, ModelFacts> = new Map([
  row('claude-opus-5', 'Claude Opus 5', '2026-07-24', [1000, 128], latest),
  row('claude-sonnet-5', 'Claude Sonnet 5', '2026-06-29', [1000, 128], latest),
  row('claude-fable-5', 'Claude Fable 5', '2026-06-07', [1000, 128], latest),
  row('claude-opus-4-8', 'Claude Opus 4.8', '2026-05-28', [1000, 128], latest),
  row('claude-opus-4-7', 'Claude Opus 4.7', '2026-04-14', [1000, 128], latest),
  row('claude-sonnet-4-6', 'Claude Sonnet 4.6', '2026-02-17', [1000, 128], generation46),
  row('claude-opus-4-6', 'Claude Opus 4.6', '2026-02-04', [1000, 128], generation46),
  row(
    'claude-opus-4-5-20251101',
    'Claude Opus 4.5',
    '2025-11-24',
    [200, 64],
    ['code_execution', 'low', 'medium', 'high', 'enabled_thinking'],
  ),
  row('claude-haiku-4-5-20251001', 'Claude Haiku 4.5', '2025-10-15', [200, 64], ['enabled_thinking']),
  row(
    'claude-sonnet-4-5-20250929',
    'Claude Sonnet 4.5',
    '2025-09-29',
    [1000, 64],
    ['code_execution', 'enabled_thinking'],
  ),
  row('claude-opus-4-1-20250805', 'Claude Opus 4.1', '2025-08-05', [200, 32], ['enabled_thinking']),
]);

function row(
  ...[id, name, createdOn, [inputThousands, outputThousands], abilities]: [
    id: string,
    name: string,
    createdOn: string,
    thousandTokens: [input: number, output: number],
    abilities: readonly Ability[],
  ]
): [string, ModelFacts] {
  const maxInputTokens = inputThousands * 1000;
  return [id, { name, createdOn, maxInputTokens, maxOutputTokens: outputThousands * 1000, abilities }];
}

/**
 * The id a request's `model` stands for: `claude-haiku-4-5` is the dated one. Undefined when there is none. `others`
 * are names to take beside the known ones.
 */
export function resolveModel(asked: string, others: readonly string[] = []): string | undefined {
  const alias = aliases.get(asked);
  if (alias !== undefined) return alias;
  if (models.has(asked) || formerModels.has(asked) || newerModels.has(asked)) return asked;
  for (const id of models.keys()) if (id.startsWith(`${asked}-20`)) return id;
  return others.includes(asked) ? asked : undefined;
}

/** Undefined for a model whose limits are not known. */
export function limitsOf(model: string): { maxInputTokens: number; maxOutputTokens: number } | undefined {
  return models.get(model) ?? formerModels.get(model);
}

/** Models from 4.6 on refuse a conversation that ends with an assistant turn. */
export function takesPrefill(model: string): boolean {
  return generationOf(model) < 4.6;
}

export function canThink(model: string): boolean {
  return generationOf(model) >= 3.7;
}

export function takesEnabledThinking(model: string): boolean {
  return generationOf(model) < 4.7;
}

export function takesAdaptiveThinking(model: string): boolean {
  return generationOf(model) >= 4.6;
}

/** Whether `temperature` and its like can be chosen at all. */
export function takesSampling(model: string): boolean {
  return generationOf(model) < 4.7;
}

/** Whether only one of `temperature` and `top_p` can be chosen. */
export function takesOneOfTwo(model: string): boolean {
  return generationOf(model) >= 4.1;
}

/** The levels of effort there are; none for a model without them. */
export function effortsOf(model: string): readonly Effort[] {
  const abilities = models.get(model)?.abilities ?? (formerModels.has(model) ? [] : latest);
  return levels.filter((level) => abilities.includes(level));
}

/** The shortest prefix that is cached: 4,096 tokens for some models from 4.5 on, as recorded for one of them. */
export function leastCachedTokensOf(model: string): number {
  const generation = generationOf(model);
  if (generation < 4) return model.includes('haiku') ? 2048 : 1024;
  const isLarge = model.includes('haiku') || (model.includes('opus') && generation <= 4.7);
  return isLarge && generation >= 4.5 ? 4096 : 1024;
}

/** The `inference_geo` recorded for models of each age. */
export function inferenceGeoOf(model: string): string {
  return generationOf(model) < 4.6 ? 'not_available' : 'global';
}

/** Models from 4.7 on say how many tokens were thinking even where there was none. */
export function alwaysDetailsOutput(model: string): boolean {
  return generationOf(model) >= 4.7;
}

/** 4.6 for `claude-sonnet-4-6`; an id without a version counts as the newest. */
export function generationOf(model: string): number {
  const version = /-(\d{1,2})(?:-(\d))?(?=-|$)/.exec(model);
  return version === null ? Infinity : Number(`${version[1]}.${version[2] ?? 0}`);
}

/** All models, as `GET /v1/models` describes them, newest first. */
export function listModels(): readonly ModelEntry[] {
  return [...models].map(([id, facts]) => describe(id, facts));
}

/** The body of `GET /v1/models/ID`; undefined for a model not in the list. */
export function modelEntry(asked: string): ModelEntry | undefined {
  const id = resolveModel(asked) ?? asked;
  const facts = models.get(id);
  return facts === undefined ? undefined : describe(id, facts);
}

export type ModelEntry = JsonObject & { readonly id: string };

function describe(
  id: string,
  { name, createdOn, maxInputTokens, maxOutputTokens, abilities }: ModelFacts,
): ModelEntry {
  return {
    type: 'model',
    id,
    display_name: name,
    created_at: `${createdOn}T00:00:00Z`,
    max_input_tokens: maxInputTokens,
    max_tokens: maxOutputTokens,
    capabilities: describeAbilities((ability) => ({ supported: abilities.includes(ability) })),
  };
}

function describeAbilities(of: (ability: Ability) => { supported: boolean }): JsonObject {
  const yes = { supported: true };
  return {
    batch: yes,
    citations: yes,
    code_execution: of('code_execution'),
    context_management: {
      ...yes,
      clear_tool_uses_20250919: yes,
      clear_thinking_20251015: yes,
      compact_20260112: of('compact'),
    },
    effort: {
      ...of('high'),
      low: of('low'),
      medium: of('medium'),
      high: of('high'),
      xhigh: of('xhigh'),
      max: of('max'),
    },
    image_input: yes,
    pdf_input: yes,
    structured_outputs: yes,
    thinking: { ...yes, types: { enabled: of('enabled_thinking'), adaptive: of('adaptive_thinking') } },
  };
}
