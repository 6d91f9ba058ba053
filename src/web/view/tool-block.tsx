// A call of a tool, with its input as it grows; and any other block, as the JSON that it is.

import type { ComponentChildren, JSX } from 'preact';
import type { AnswerBlock } from '../chat/answer-block.ts';
import { strings } from '../strings.ts';
import { Icon } from './icon.tsx';

/** More than anybody reads; a fetched document can have megabytes. */
const mostCharacters = 20_000;

export function ToolBlock({ view }: { readonly view: AnswerBlock }): JSX.Element {
  void view.revision.value;
  const isLive = view.isOpen.value;
  const { type, name } = view.block as { type: string; name?: unknown };
  const done = type === 'tool_use' ? strings.tool.done : strings.tool.serverDone;
  return (
    <Card isLive={isLive} verb={isLive ? strings.tool.live : done} name={String(name)}>
      {view.input?.error !== undefined && <p class="card-problem">{strings.tool.broken}</p>}
      <Json text={inputText(view, isLive)} />
    </Card>
  );
}

export function OtherBlock({ view }: { readonly view: AnswerBlock }): JSX.Element {
  void view.revision.value;
  const { type } = view.block as { type: string };
  const isResult = type.endsWith('_result');
  const title = isResult
    ? strings.tool.result(type.replace(/_tool_result$|_result$/, ''))
    : strings.tool.unknown(type);
  return (
    <Card isLive={view.isOpen.value} verb="" name={title}>
      <Json text={JSON.stringify(view.block, null, 2)} />
    </Card>
  );
}

interface CardProperties {
  readonly isLive: boolean;
  readonly verb: string;
  readonly name: string;
  readonly children: ComponentChildren;
}

function Card({ isLive, verb, name, children }: CardProperties): JSX.Element {
  return (
    <div class={isLive ? 'card live' : 'card'}>
      <p class="card-title">
        <Icon name="tool" />
        {verb !== '' && <span class="card-verb">{verb}</span>}
        <span class="card-name">{name}</span>
      </p>
      {children}
    </div>
  );
}

function Json({ text }: { readonly text: string }): JSX.Element {
  const rest = text.length - mostCharacters;
  return (
    <pre class="card-json" tabIndex={0}>
      <code>{rest > 0 ? `${text.slice(0, mostCharacters)}\n${strings.tool.cut(rest)}` : text}</code>
    </pre>
  );
}

/** The text as it came while it comes, and laid out once it is whole. */
function inputText({ input, block }: AnswerBlock, isLive: boolean): string {
  if (input !== undefined && (isLive || !input.complete)) return input.text;
  const value = 'input' in block ? block.input : undefined;
  const isEmpty = typeof value === 'object' && value !== null && Object.keys(value).length === 0;
  return isEmpty ? strings.tool.noInput : JSON.stringify(value, null, 2);
}
