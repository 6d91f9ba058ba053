// How the answers of one owner are asked for.

import type { CallPolicy } from './stream-call.ts';

interface PolicyContext {
  readonly policy: CallPolicy;
  /** The only models an owner may ask for; undefined for any. */
  readonly modelsOf: (owner: string) => readonly string[] | undefined;
}

/** Without fallbacks to models that the owner may not ask for. */
export function policyFor(owner: string, { policy, modelsOf }: PolicyContext): CallPolicy {
  const models = modelsOf(owner);
  const { fallback } = policy.settings;
  if (models === undefined || fallback.length === 0) return policy;
  const left = fallback.filter((step) => step === 'non-streaming' || models.includes(step));
  return { ...policy, settings: { ...policy.settings, fallback: left } };
}
