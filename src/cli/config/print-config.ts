// The effective configuration as a file that says where each value is from.

import type { LoadedConfig } from './read-config.ts';
import { settingNames, settingOf } from './serve-settings.ts';
import type { SettingName } from './config.ts';
import { mask } from './setting.ts';

/** YAML, with a comment behind each value: its source. Secrets are masked; what is not set is null. */
export async function printConfig({ values, sources }: LoadedConfig): Promise<string> {
  // Only where it is asked for.
  const { Document, isNode } = await import('yaml');
  const document = new Document({});
  for (const name of settingNames) {
    const path = name.split('.');
    document.setIn(path, document.createNode(shown(name, values[name])));
    const node = document.getIn(path, true);
    if (isNode(node)) node.comment = ` ${sources[name]}`;
  }
  return document.toString({ lineWidth: 0 });
}

/** The value as it may be seen. */
export function shown(name: SettingName, value: unknown): unknown {
  if (value === undefined) return null;
  const setting = settingOf(name);
  return setting.isSecret === true ? (setting.shown?.(value) ?? mask) : value;
}
