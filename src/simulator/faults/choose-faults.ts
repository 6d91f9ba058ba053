// From a request to the faults of its answer. The first of these that is there counts: the header, the prompt, the
// rule that answers it, the plan that was set.

import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';

import { callerOf } from '../caller-of.ts';
import type { Exchange } from '../exchange.ts';
import { isObject } from '../validate-value.ts';
import { demandNoRefusal } from './fault-plans.ts';
import type { ParsedPlan } from './fault.ts';
import { parseFaultPlan } from './parse-fault-plan.ts';
import { faultTextOf, readFaultText } from './short-form.ts';

export const faultHeader = 'x-simulator-fault';

export interface ChosenPlan {
  readonly plan: ParsedPlan;
  /** Requests of one scope are counted together. */
  readonly scope: string;
}

/** Sets the faults that the request brings with it. Throws an ApiError for a plan that is none. */
export function chooseFaults(exchange: Exchange, body: unknown): void {
  setPlan(exchange, fromHeader(exchange) ?? fromPrompt(exchange, body));
}

/** Sets the faults of a request to the Messages API that brings none: those of its rule, or those that were set. */
export function chooseSetFaults(exchange: Exchange, ofRule: ChosenPlan | undefined): void {
  if (exchange.hasPlan) return;
  const plan = exchange.simulation.faults.parsed;
  setPlan(exchange, ofRule ?? (plan === undefined ? undefined : { plan, scope: 'option' }));
}

/** Sets the faults of the answer and the limits it counts against. */
function setPlan(exchange: Exchange, chosen: ChosenPlan | undefined): void {
  if (chosen === undefined) return;
  const { plan, scope } = chosen;
  const { faultPlans } = exchange.simulation;
  exchange.hasPlan = true;
  const faults = faultPlans.next(plan, scope).filter(({ kind }) => kind !== 'refuse');
  exchange.setFaults(faults);
  const limit = faults.find((fault) => fault.kind === 'rate_limit');
  if (limit === undefined) return;
  exchange.limits = faultPlans.limitsFor(limit, plan, `${scope}\0${callerOf(exchange.request.headers)}`);
}

function fromHeader({ request }: Exchange): ChosenPlan | undefined {
  const text = request.headers[faultHeader];
  if (typeof text !== 'string') return undefined;
  return { plan: readPlan(fromUtf8(text), faultHeader), scope: 'header' };
}

/** A header arrives as a text of bytes. Most clients mean UTF-8 by them; those that do not are left as they are. */
function fromUtf8(header: string): string {
  const bytes = Buffer.from(header, 'latin1');
  return isUtf8(bytes) ? bytes.toString() : header;
}

/** The prompt counts while it is the last word: an answer that is gone on with does not break again. */
function fromPrompt({ path }: Exchange, body: unknown): ChosenPlan | undefined {
  if (path !== messagesPath || !isObject(body) || !Array.isArray(body['messages'])) return undefined;
  const messages = body['messages'] as readonly unknown[];
  const text = faultTextOf(promptOf(messages.at(-1)));
  if (text === undefined) return undefined;
  const conversation = createHash('sha256').update(JSON.stringify(messages)).digest('base64');
  return { plan: readPlan(text, '/fault'), scope: `prompt ${conversation}` };
}

const messagesPath = '/v1/messages';

function readPlan(text: string, path: string): ParsedPlan {
  const plan = parseFaultPlan(readFaultText(text, path), path);
  demandNoRefusal(plan, path);
  return plan;
}

/** The last text of a message that was not checked yet; empty when it is not the user's. */
function promptOf(message: unknown): string {
  if (!isObject(message) || message['role'] !== 'user') return '';
  const { content } = message;
  if (typeof content === 'string') return content;
  const blocks = Array.isArray(content) ? (content as readonly unknown[]) : [];
  const texts = blocks.flatMap((block) =>
    isObject(block) && typeof block['text'] === 'string' ? [block['text']] : [],
  );
  return texts.at(-1) ?? '';
}
