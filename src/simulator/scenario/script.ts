// The rules in force, and which of them answers a request.

import { createHash } from 'node:crypto';

import type { ApiError } from '../../protocol/index.ts';
import { apiError } from '../api-errors.ts';
import type { FaultKind, ParsedPlan } from '../faults/fault.ts';
import type { RecordedRequest } from '../request-log.ts';
import { findMismatch } from './match-when.ts';
import type { Asked } from './match-when.ts';
import { parseScenario, parseSingleReply } from './parse-scenario.ts';
import type { ParsedReply, ParsedRule } from './parse-scenario.ts';
import type { Scenario, ScenarioRule, ScriptedReply, When } from './scenario.ts';

/** What answers a request. */
export interface Choice {
  readonly reply: ParsedReply;
  /** Undefined for the built-in answer. */
  readonly label: string | undefined;
  readonly faults: { readonly plan: ParsedPlan; readonly scope: string } | undefined;
  /** To be called when the request was let in: a reply that is given once is then given. */
  use(record: RecordedRequest): void;
}

const builtin: Choice = {
  reply: { type: 'answer' },
  label: undefined,
  faults: undefined,
  use: () => undefined,
};

/** Replies for one request beyond it are forgotten once they were given. */
const mostReplies = 100;

export class Script {
  /** Each for one request; they come before the rules. */
  #replies: ActiveRule[] = [];
  #rules: readonly ActiveRule[] = [];
  #otherwise: 'error' | 'builtin' = 'builtin';
  /** Rules and replies made so far: each counts its own faults. */
  #ruleCount = 0;
  #replyCount = 0;

  get unusedRules(): readonly string[] {
    return [...this.#replies, ...this.#rules].filter(({ isUnused }) => isUnused).map(({ label }) => label);
  }

  set(scenario: Scenario | readonly ScenarioRule[] | undefined): void {
    const { rules, otherwise } =
      scenario === undefined ? { rules: [], otherwise: 'builtin' as const } : parseScenario(scenario);
    this.#replies = [];
    this.#replyCount = 0;
    this.#rules = rules.map((rule) => this.#activate(rule));
    this.#otherwise = otherwise;
  }

  reply(reply: ScriptedReply, when: When = {}): void {
    const parsed = parseSingleReply(reply, when, `reply ${this.#replyCount + 1}`);
    this.#replyCount += 1;
    this.#replies.push(this.#activate(parsed));
    // One that was given can still be asked for again, but not for ever.
    const surplus = this.#replies.length - mostReplies;
    if (surplus > 0) this.#replies = this.#replies.filter((each, index) => each.isUnused || index >= surplus);
  }

  /** Changes nothing. Throws an ApiError that says why no rule fits. */
  find(asked: Asked): Choice {
    const reasons: string[] = [];
    for (const rule of [...this.#replies, ...this.#rules]) {
      const found = rule.find(asked);
      if (typeof found !== 'string') return found;
      if (rule.isUnused || this.#rules.includes(rule)) reasons.push(`${rule.label}: ${found}`);
    }
    if (this.#otherwise === 'builtin') return builtin;
    throw toNoMatchError(reasons);
  }

  #activate(rule: ParsedRule): ActiveRule {
    this.#ruleCount += 1;
    return new ActiveRule(rule, `rule ${this.#ruleCount}`);
  }
}

/** Faults that keep an answer from its reader although the connection does not break. */
const spoiling: ReadonlySet<FaultKind> = new Set([
  'status',
  'body',
  'content_type',
  'error_event',
  'invalid_json',
]);

class ActiveRule {
  readonly #rule: ParsedRule;
  readonly #scope: string;
  /** Replies given. */
  #used = 0;
  /** The request that the last one was given to. */
  #last: { readonly fingerprint: string; readonly record: RecordedRequest } | undefined;

  constructor(rule: ParsedRule, scope: string) {
    this.#rule = rule;
    this.#scope = scope;
  }

  get label(): string {
    return this.#rule.label;
  }

  get isUnused(): boolean {
    const { times } = this.#rule;
    return this.#used < (times === Infinity ? 1 : times);
  }

  /** What it answers, or why it does not. */
  find(asked: Asked): Choice | string {
    const { when, times, replies, faults, label } = this.#rule;
    const mismatch = findMismatch(asked, when);
    if (mismatch !== undefined) return mismatch;
    const fingerprint = times === Infinity ? '' : fingerprintOf(asked);
    const isRepeated = this.#isRepeated(fingerprint);
    const number = isRepeated ? this.#used - 1 : this.#used;
    if (number >= times) return times === 1 ? 'it was given already' : `all ${times} were given already`;
    return {
      reply: replies[number] ?? replies[0],
      label,
      faults: faults === undefined ? undefined : { plan: faults, scope: this.#scope },
      use: (record) => {
        this.#used = number + 1;
        this.#last = { fingerprint, record };
      },
    };
  }

  /** A request that comes again word for word, for the answer before did not arrive whole, gets the same one. */
  #isRepeated(fingerprint: string): boolean {
    if (this.#last === undefined || fingerprint === '' || this.#last.fingerprint !== fingerprint)
      return false;
    const { faults, closedEarly } = this.#last.record;
    return closedEarly || faults.some(({ kind }) => spoiling.has(kind));
  }
}

function fingerprintOf({ body }: Asked): string {
  return createHash('sha256').update(JSON.stringify(body)).digest('base64');
}

const mostReasons = 20;

function toNoMatchError(reasons: readonly string[]): ApiError {
  const shown = reasons.slice(0, mostReasons);
  if (reasons.length > mostReasons) shown.push(`… and ${reasons.length - mostReasons} more`);
  const listed = shown.length === 0 ? 'it has no rules' : `\n- ${shown.join('\n- ')}`;
  return apiError(
    'invalid_request_error',
    `The simulator's scenario has no rule for this request: ${listed}`,
  );
}
