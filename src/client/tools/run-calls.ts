// The calls of one turn: each is checked, approved and run, and whatever comes of it is a result for the model. Calls
// run side by side; the results stand in the order of the calls. Nothing here rejects.

import { systemClock } from '../clock.ts';
import { follow } from '../follow.ts';
import type { ContentParam } from '../message-params.ts';
import { describeIssues } from '../schema/value-schema.ts';
import { Slots } from './slots.ts';
import { ToolError } from './tool.ts';
import type { Tool } from './tool.ts';
import type { ToolCall, ToolRunEvent } from './tool-events.ts';
import { toToolFailure, toToolResult } from './tool-result.ts';
import type { ToolResultBlock } from './tool-result.ts';
import { unlessAborted } from './unless-aborted.ts';

/** A call as the model wrote it. */
export interface WrittenCall {
  readonly id: string;
  readonly name: string;
  /** Of its own: nothing else refers to it. */
  readonly input: unknown;
  /** Why the input is none: it is no JSON, or not all there. */
  readonly problem: string | undefined;
}

/** Yes, no, or no with a reason for the model. */
export type Approval = boolean | { readonly deny: string };

export interface CallSettings {
  readonly tools: ReadonlyMap<string, Tool>;
  readonly approve:
    | ((call: ToolCall, context: { signal: AbortSignal }) => Approval | Promise<Approval>)
    | undefined;
  readonly maxConcurrency: number;
  readonly toolTimeoutMs: number;
  readonly turn: number;
  readonly signal: AbortSignal;
  readonly onEvent: (event: ToolRunEvent) => void;
}

/** What is told to the model instead of a result. */
class Failure extends Error {}

/** Why a call was ended by its limit of time. */
class Overtime extends Error {}

export async function runCalls(
  calls: readonly WrittenCall[],
  settings: CallSettings,
): Promise<ToolResultBlock[]> {
  const slots = new Slots(settings.maxConcurrency);
  const run = (ready: ReadyCall): Promise<Settled<unknown>> =>
    slots.use(() => settle(() => execute(ready, settings)));
  const prepared = await Promise.all(calls.map((call) => settle(() => prepare(call, settings))));
  const results: Promise<ToolResultBlock>[] = [];
  // Who approves is asked one thing at a time, in the order of the calls; what is approved already runs.
  for (const [index, { id, name }] of calls.entries()) {
    const ready = prepared[index] as Settled<ReadyCall>;
    const approved = 'error' in ready ? ready : await settle(() => approve(ready.value, settings));
    const done = 'error' in approved ? Promise.resolve(approved) : run(approved.value);
    results.push(done.then((outcome) => conclude({ id, name }, outcome, settings)));
  }
  return Promise.all(results);
}

type Settled<T> = { readonly value: T } | { readonly error: unknown };

async function settle<T>(work: () => Promise<T>): Promise<Settled<T>> {
  try {
    return { value: await work() };
  } catch (error) {
    return { error };
  }
}

/** A call with an input that its tool's schema has passed. */
interface ReadyCall {
  readonly tool: Tool;
  readonly call: ToolCall;
}

async function prepare(
  { id, name, input, problem }: WrittenCall,
  { tools, signal }: CallSettings,
): Promise<ReadyCall> {
  const tool = tools.get(name);
  if (tool === undefined) {
    throw new Failure(
      `There is no tool ${JSON.stringify(name)} here. There are: ${[...tools.keys()].join(', ')}`,
    );
  }
  if (problem !== undefined) throw new Failure(`The tool was not run: ${problem}`);
  const checked = await unlessAborted(() => tool.check(input), signal);
  if (!('issues' in checked)) return { tool, call: { id, name, input: checked.value } };
  throw new Failure(`The tool was not run, its input is not valid:\n${describeIssues(checked.issues)}`);
}

async function approve(ready: ReadyCall, { approve: ask, signal }: CallSettings): Promise<ReadyCall> {
  if (ask === undefined) return ready;
  const asked = unlessAborted(async () => ask(ready.call, { signal }), signal);
  const approval = await asked.catch((error: unknown): Approval => ({ deny: messageOf(error) }));
  if (approval === true) return ready;
  // Anything but a clear yes is a no, also from a program without types.
  const reason = typeof approval === 'object' ? `: ${approval.deny}` : '';
  throw new Failure(`The tool was not run: the user did not allow it${reason}`);
}

async function execute({ tool, call }: ReadyCall, settings: CallSettings): Promise<unknown> {
  const { signal, turn, toolTimeoutMs, onEvent } = settings;
  signal.throwIfAborted();
  onEvent({ type: 'tool_start', turn, ...call });
  const controller = new AbortController();
  const letGo = follow(signal, controller);
  const limitMs = tool.timeoutMs ?? toolTimeoutMs;
  const cancelTimer = systemClock.setTimer(
    () => controller.abort(new Overtime(`The tool gave no result within ${limitMs} ms`)),
    limitMs,
  );
  const context = { toolUseId: call.id, turn, signal: controller.signal };
  try {
    return await unlessAborted(() => tool.run(call.input, context), controller.signal);
  } catch (error) {
    // A tool that heeds its signal rejects with whatever it likes; what counts is why the signal aborted.
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    cancelTimer();
    letGo();
  }
}

/** The result for the model, and the event that tells of it. */
function conclude(
  { id, name }: Pick<WrittenCall, 'id' | 'name'>,
  outcome: Settled<unknown>,
  settings: CallSettings,
): ToolResultBlock {
  const { turn, onEvent } = settings;
  const result = toResult(id, outcome, settings);
  const output = 'value' in outcome ? outcome.value : undefined;
  onEvent({ type: 'tool_result', turn, id, name, result, isError: result.is_error === true, output });
  return result;
}

function toResult(id: string, outcome: Settled<unknown>, { signal }: CallSettings): ToolResultBlock {
  try {
    if ('value' in outcome) return toToolResult(id, outcome.value);
    return toToolFailure(id, explain(outcome.error, signal));
  } catch (error) {
    return toToolFailure(id, `The tool's output cannot be written as JSON: ${messageOf(error)}`);
  }
}

function explain(error: unknown, { aborted }: AbortSignal): string | readonly ContentParam[] {
  if (aborted) return 'The tool was stopped before it gave a result';
  return error instanceof ToolError ? error.content : messageOf(error);
}

/** What is thrown may be anything, even something that cannot be made a text. */
function messageOf(error: unknown): string {
  try {
    const text = error instanceof Error ? error.message : String(error);
    return text === '' ? 'The tool failed' : text;
  } catch {
    return 'The tool failed';
  }
}
