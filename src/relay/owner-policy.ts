// How the answers of one owner are asked for.

import type { OwnerAccounts } from './access/owner-accounts.ts';
import type { CallPolicy } from './stream-call.ts';

interface PolicyContext {
  readonly policy: CallPolicy;
  /** The only models an owner may ask for; undefined for any. */
  readonly modelsOf: (owner: string) => readonly string[] | undefined;
  readonly accounts: OwnerAccounts;
}

/** Without fallbacks to models that the owner may not ask for, or that cannot be counted. */
export function policyFor(owner: string, { policy, modelsOf, accounts }: PolicyContext): CallPolicy {
  const models = modelsOf(owner);
  const { fallback } = policy.settings;
  if (fallback.length === 0) return policy;
  const mayAsk = (model: string): boolean =>
    (models === undefined || models.includes(model)) && accounts.canCount(owner, model);
  const left = fallback.filter((step) => step === 'non-streaming' || mayAsk(step));
  return { ...policy, settings: { ...policy.settings, fallback: left } };
}
