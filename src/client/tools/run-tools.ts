// The loop of tools: the model answers, what it calls is run, the results go back, until it has no more calls. What
// it does with each stop reason is in docs/tools.md.

import { demandCount, demandPositive } from '../demand.ts';
import type { MessageParams, RequestOptions } from '../message-params.ts';
import type { MessagesClient } from '../messages-client.ts';
import type { Approval } from './run-calls.ts';
import { isTool } from './tool.ts';
import type { Tool } from './tool.ts';
import type { ToolCall } from './tool-events.ts';
import { ToolRun } from './tool-run.ts';
import type { ToolRunSettings } from './tool-run.ts';
import { misuse } from '../misuse.ts';

/** A call of one of these tools: its `name` tells the type of its `input`. */
type CallOf<Each> = Each extends Tool ? ToolCall<Each> : never;

/** The parameters of a request, and beside them: */
export interface ToolRunParams<Tools extends readonly object[]> extends MessageParams {
  /** Tools made with {@link tool}, and server tools as the API takes them. */
  tools: Tools;
  /** How many requests there may be. Default 10. */
  maxTurns?: number | undefined;
  /** How many pauses in a row are gone on with. Default 5. */
  maxPauses?: number | undefined;
  /** How many calls may run at the same time. Default no limit. */
  maxConcurrency?: number | undefined;
  /** How long a call of a tool without a limit of its own may take. Default 600,000. */
  toolTimeoutMs?: number | undefined;
  /** Asked before each call that is valid, one at a time; what it throws is told to the model, and is a no. */
  approve?:
    | ((call: CallOf<Tools[number]>, context: { signal: AbortSignal }) => Approval | Promise<Approval>)
    | undefined;
  /** Demands a call in every turn, if `tool_choice` does in the first. Default no: the model would never get to
   * answer. */
  keepToolChoice?: boolean | undefined;
}

/**
 * Streams an answer and runs the tools it calls, turn by turn, until the model has answered.
 *
 * 1. A call is run once, after its turn's stream has ended well and its input has passed the tool's schema. One
 *    whose input is cut or invalid, that is not approved, fails or takes too long, is answered with an error that
 *    says so to the model.
 * 2. The results of a turn go back in one message, in the order of the calls.
 * 3. `messages` can be sent as it is at any time.
 *
 * The first request is sent at once, and the run goes on by itself, whether or not anybody reads. Leaving the only
 * loop over it aborts it, unless a promise was asked for. Throws a TypeError for tools that cannot run, a RangeError
 * for an option out of range.
 *
 * @example
 * const run = runTools(client, { ...params, tools: [weather] });
 * for await (const text of run.textStream) process.stdout.write(text);
 */
export function runTools<const Tools extends readonly object[]>(
  client: MessagesClient,
  params: ToolRunParams<Tools>,
  options: RequestOptions = {},
): ToolRun<Extract<Tools[number], Tool>> {
  const { tools, maxTurns, maxPauses, maxConcurrency, toolTimeoutMs, approve, keepToolChoice, ...request } =
    params;
  return new ToolRun(
    client,
    {
      params: { ...(request as unknown as MessageParams), tools: tools.map(toDefinition) },
      tools: byName(tools.filter(isTool)),
      maxTurns: demandPositive('maxTurns', maxTurns ?? 10),
      maxPauses: demandCount('maxPauses', maxPauses ?? 5),
      maxConcurrency: demandPositive('maxConcurrency', maxConcurrency ?? Infinity),
      toolTimeoutMs: demandPositive('toolTimeoutMs', toolTimeoutMs ?? 600_000),
      approve: approve as ToolRunSettings['approve'],
      keepToolChoice: keepToolChoice ?? false,
    },
    options,
  );
}

function toDefinition(tool: object): object {
  if (isTool(tool)) return tool.definition;
  if (!('input_schema' in tool)) return tool;
  throw misuse(
    new TypeError(
      `Cannot run the tool ${JSON.stringify((tool as { name?: unknown }).name)}: make it with tool()`,
    ),
  );
}

function byName(tools: readonly Tool[]): ReadonlyMap<string, Tool> {
  const named = new Map(tools.map((tool) => [tool.name, tool]));
  if (named.size < tools.length) throw misuse(new TypeError('Cannot run two tools of one name'));
  return named;
}
