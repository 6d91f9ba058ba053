// The flags of `millrace serve`, made of its settings.

import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { problemsOf } from '../../document/index.ts';
import { settingNames, settingOf } from './serve-settings.ts';
import type { SettingName } from './config.ts';

/** Adds a flag for each setting that has one. Their defaults are said and not set: the file goes before them. */
export function addSettingFlags(command: Command): void {
  for (const name of settingNames) {
    const option = optionOf(name);
    if (option !== undefined) command.addOption(option);
  }
}

/** What the flags that were given say. */
export function givenFlags(command: Command): Map<SettingName, unknown> {
  const given = new Map<SettingName, unknown>();
  for (const name of settingNames) {
    const attribute = optionOf(name)?.attributeName();
    if (attribute !== undefined && command.getOptionValueSource(attribute) === 'cli')
      given.set(name, command.getOptionValue(attribute));
  }
  return given;
}

function optionOf(name: SettingName): Option | undefined {
  const { flag, description, flagDescription, type, default: usual } = settingOf(name);
  if (flag === undefined) return undefined;
  if (flagDescription !== undefined) return new Option(flag, flagDescription);
  const said = usual === undefined ? description : `${description} (default: ${usual as string})`;
  return new Option(flag, said).argParser((text) => {
    const value = type.fromText(text);
    if (type.saysWhy !== true && problemsOf(value, type.shape).length > 0)
      throw new InvalidArgumentError(`It must be ${type.wanted}.`);
    return value;
  });
}
