// A reporter for node:test that writes how many tests ran in each file, as one JSON object at the end. Node counts
// a file without any test as one test that passed, so its own summary cannot tell that nothing was tested.

/** By the absolute path of the test file. A skipped test does not count as one that ran. */
export type TestCounts = Readonly<Record<string, { readonly ran: number; readonly skipped: number }>>;

interface TestEvent {
  readonly type: string;
  readonly data: {
    /** The file given to the runner; absent where the event is about the file as a whole. */
    readonly entryFile?: string;
    readonly skip?: string | boolean;
    readonly details?: { readonly type?: string };
  };
}

export default async function* countTests(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const counts: Record<string, { ran: number; skipped: number }> = {};
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.entryFile === undefined || data.details?.type === 'suite') continue;
    const count = (counts[data.entryFile] ??= { ran: 0, skipped: 0 });
    count[data.skip === undefined ? 'ran' : 'skipped'] += 1;
  }
  yield JSON.stringify(counts);
}
