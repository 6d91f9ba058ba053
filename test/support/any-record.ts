// Records of a log whose events look like the API's, and less and less so.

import fc from 'fast-check';
import type { LogRecord } from 'millrace/storage';
import { messageEnd, messageStart, textEvents } from './streams.ts';

const types = [
  ...new Set([messageStart, ...textEvents(0, 'a'), ...messageEnd].map(({ type }) => type)),
  'error',
  'ping',
  'millrace',
  '',
  '\n',
  '__proto__',
];

/** Events that look like the API's, and less and less so. */
const anyEvent = (): fc.Arbitrary<LogRecord> => {
  const block = fc.oneof(
    fc.jsonValue(),
    fc.record({
      type: fc.constantFrom(
        'text',
        'thinking',
        'tool_use',
        'server_tool_use',
        'web_search_tool_result',
        'fallback',
      ),
      text: fc.jsonValue(),
      id: fc.constantFrom('a', 'b', 3),
      tool_use_id: fc.constantFrom('a', 'c'),
      name: fc.constantFrom('n', 4),
      citations: fc.jsonValue(),
      content: fc.jsonValue(),
    }),
  );
  const delta = fc.oneof(
    fc.jsonValue(),
    fc.record({
      type: fc.constantFrom(
        'text_delta',
        'input_json_delta',
        'citations_delta',
        'signature_delta',
        'thinking_delta',
      ),
      thinking: fc.constantFrom('', 'hm'),
      signature: fc.constantFrom('s', 1),
      text: fc.oneof(fc.string(), fc.jsonValue()),
      partial_json: fc.oneof(fc.string(), fc.jsonValue()),
      citation: fc.oneof(
        fc.jsonValue(),
        fc.record({
          type: fc.constantFrom('page_location', 'x'),
          url: fc.constantFrom('https://x.example/', 'y', 3),
          title: fc.constantFrom('t', 5),
          document_index: fc.constantFrom(0, 'z'),
        }),
      ),
    }),
  );
  const fields = fc.record(
    {
      type: fc.oneof(fc.constantFrom(...types), fc.jsonValue()),
      index: fc.oneof(fc.nat({ max: 2 }), fc.jsonValue()),
      content_block: block,
      delta,
      message: fc.oneof(fc.constant(messageStart), fc.jsonValue()),
      usage: fc.jsonValue(),
      error: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  const data = fc.oneof(
    fc.string(),
    fc.json(),
    fields.map((value) => JSON.stringify(value)),
  );
  const name = fc.option(fc.oneof(fc.constantFrom(...types), fc.string()), { nil: undefined });
  return fc.record({ type: fc.constant('event' as const), event: name, data });
};

export const anyRecord = (): fc.Arbitrary<LogRecord> =>
  fc.oneof(
    { weight: 8, arbitrary: anyEvent() },
    fc.record({ type: fc.constant('rewind' as const), fromIndex: fc.nat() }),
    fc.constantFrom<LogRecord>(
      { type: 'end', ending: { type: 'complete' } },
      { type: 'end', ending: { type: 'stopped' } },
      { type: 'end', ending: { type: 'failed', code: 'x\n', message: '\r\n' }, saidByUpstream: true },
    ),
  );
