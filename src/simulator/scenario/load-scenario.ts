// A scenario from a file: YAML, or JSON, which is YAML as well. The parser is loaded only when there is a file.

import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

import { findProblems } from './parse-scenario.ts';
import type { Scenario, ScenarioRule, ScriptedReply } from './scenario.ts';
import { ScenarioError } from './scenario-error.ts';
import type { ScenarioPath } from './shape.ts';

/**
 * Reads and checks a scenario. The paths of recordings in it are relative to the file.
 *
 * Rejects with a SimulatorError `invalid_scenario` that names the line, the field, the value present and the values
 * wanted, for all that is wrong; and with the system's error for a file that cannot be read.
 *
 * @example
 * await using simulator = await startSimulator({ scenario: await loadScenario('weather.yaml') });
 */
export async function loadScenario(path: string): Promise<Scenario> {
  const text = await readFile(path, 'utf8');
  const { LineCounter, isNode, parseDocument } = await import('yaml');
  const lineCounter = new LineCounter();
  const toPlace = (offset: number): string => {
    const { line, col } = lineCounter.linePos(offset);
    return `${path}:${line}:${col}`;
  };
  const document = parseDocument(text, { lineCounter, prettyErrors: false });
  const broken = [...document.errors, ...document.warnings].map(({ message, pos }) => ({
    path: [],
    message: `${toPlace(pos[0])} ${message}`,
  }));
  if (broken.length > 0) throw new ScenarioError('the scenario', broken);
  const value = toValue(document);
  const folder = dirname(resolve(path));
  const problems = findProblems(value, folder);
  if (problems.length > 0) {
    const offsetOf = (at: ScenarioPath): number => {
      const node = document.getIn(at, true);
      if (isNode(node) && node.range != null) return node.range[0];
      return at.length === 0 ? 0 : offsetOf(at.slice(0, -1));
    };
    throw new ScenarioError('the scenario', problems, { toPlace: (at) => toPlace(offsetOf(at)) });
  }
  return withFolder(value as Scenario, folder);
}

function toValue(document: { toJS(): unknown }): unknown {
  try {
    return document.toJS();
  } catch (cause) {
    // Aliases that would grow without end.
    throw new ScenarioError('the scenario', [{ path: [], message: (cause as Error).message }], { cause });
  }
}

/** The scenario with the paths of its recordings made absolute. */
function withFolder(scenario: Scenario, folder: string): Scenario {
  const place = (reply: ScriptedReply): ScriptedReply =>
    typeof reply === 'object' && 'recording' in reply && typeof reply.recording === 'string'
      ? { ...reply, recording: resolve(folder, reply.recording) }
      : reply;
  const rules = scenario.rules.map((rule): ScenarioRule => ({
    ...rule,
    ...(rule.reply === undefined ? {} : { reply: place(rule.reply) }),
    ...(rule.replies === undefined ? {} : { replies: rule.replies.map(place) }),
  }));
  return { ...scenario, rules };
}
