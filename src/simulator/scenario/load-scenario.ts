// A scenario from a file: YAML, or JSON, which is YAML as well.

import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

import { parseDocument } from '../../document/index.ts';
import { findProblems } from './parse-scenario.ts';
import type { Scenario, ScenarioRule, ScriptedReply } from './scenario.ts';
import { ScenarioError } from './scenario-error.ts';

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
  const { value, faults, placeOf } = await parseDocument(text, path);
  if (faults.length > 0)
    throw new ScenarioError(
      'the scenario',
      faults.map((message) => ({ path: [], message })),
    );
  const folder = dirname(resolve(path));
  const problems = findProblems(value, folder);
  if (problems.length > 0) throw new ScenarioError('the scenario', problems, { toPlace: placeOf });
  return withFolder(value as Scenario, folder);
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
