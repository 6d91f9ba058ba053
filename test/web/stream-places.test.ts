import assert from 'node:assert/strict';
import { setImmediate as turnOfLoop } from 'node:timers/promises';
import { afterEach, test } from 'node:test';
import type { Cancel } from '../../src/web/stream/follow-environment.ts';
import { StreamPlaces } from '../../src/web/stream/stream-places.ts';
import type { Place } from '../../src/web/stream/stream-places.ts';
import { SteppedClock } from '../support/stepped-clock.ts';

/** A tab of an origin: each has the same locks, which are Node's own. */
class Tab {
  readonly #clock: SteppedClock;
  readonly #watchers = new Set<() => void>();
  readonly #closed = new AbortController();
  readonly #open: Set<Tab>;
  #isVisible: boolean;
  /** It does not notice when its place is taken away. */
  hangs = false;
  place: Place | undefined;
  timesPlaced = 0;

  constructor(isVisible: boolean, { clock, open }: { clock: SteppedClock; open: Set<Tab> }) {
    this.#isVisible = isVisible;
    this.#clock = clock;
    this.#open = open;
    void this.#stream();
  }

  show(isVisible: boolean): void {
    this.#isVisible = isVisible;
    for (const look of this.#watchers) look();
  }

  /** The stream ends. */
  end(): void {
    this.#closed.abort(new Error('the stream has ended'));
    this.#leave();
  }

  get watcherCount(): number {
    return this.#watchers.size;
  }

  #leave(): void {
    this.#open.delete(this);
    this.place?.release();
    this.place = undefined;
  }

  async #stream(): Promise<void> {
    const places = new StreamPlaces({
      locks: navigator.locks,
      isVisible: () => this.#isVisible,
      onVisibilityChange: (callback): Cancel => {
        this.#watchers.add(callback);
        return () => this.#watchers.delete(callback);
      },
      setTimer: (callback, delayMs) => this.#clock.setTimer(callback, delayMs),
    });
    const { signal } = this.#closed;
    while (!signal.aborted) {
      const place = await places.take(signal).catch((error: unknown) => {
        if (!signal.aborted) throw error;
      });
      if (place === undefined) return;
      if (signal.aborted) return place.release();
      this.place = place;
      this.timesPlaced += 1;
      this.#open.add(this);
      assert.ok(this.#open.size <= 4 || [...this.#open].some(({ hangs }) => hangs), 'at most four are open');
      if (place.lost.aborted) {
        this.#leave();
        continue;
      }
      await new Promise<void>((resolve) => {
        place.lost.addEventListener('abort', () => {
          if (this.hangs) return;
          this.#leave();
          resolve();
        });
        signal.addEventListener('abort', () => resolve());
      });
    }
  }
}

class Origin {
  readonly clock = new SteppedClock();
  readonly tabs: Tab[] = [];
  /** Who has a connection open. */
  readonly open = new Set<Tab>();

  async tab(isVisible: boolean): Promise<Tab> {
    const tab = new Tab(isVisible, this);
    this.tabs.push(tab);
    await this.settle();
    return tab;
  }

  async tabsOf(...areVisible: boolean[]): Promise<Tab[]> {
    const tabs: Tab[] = [];
    for (const isVisible of areVisible) tabs.push(await this.tab(isVisible));
    return tabs;
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 20; turn += 1) await turnOfLoop();
  }

  async pass(ms: number): Promise<void> {
    await this.clock.pass(ms);
    await this.settle();
  }

  placed(): number[] {
    return this.tabs.flatMap(({ place }, index) => (place === undefined ? [] : [index + 1]));
  }
}

let origin = new Origin();

afterEach(async () => {
  for (const tab of origin.tabs) tab.end();
  await origin.settle();
  const { held, pending } = await navigator.locks.query();
  assert.deepEqual({ held, pending }, { held: [], pending: [] }, 'nothing is held, and nobody waits');
  assert.deepEqual(
    origin.tabs.filter(({ watcherCount }) => watcherCount > 0),
    [],
  );
  origin = new Origin();
});

test('StreamPlaces gives four of seven hidden pages a place, and the next one when a stream ends', async () => {
  const tabs = await origin.tabsOf(false, false, false, false, false, false, false);
  assert.deepEqual(origin.placed(), [1, 2, 3, 4]);
  tabs[1]?.end();
  await origin.settle();
  assert.deepEqual(origin.placed(), [1, 3, 4, 5]);
  tabs[4]?.end();
  tabs[0]?.end();
  await origin.settle();
  assert.deepEqual(origin.placed(), [3, 4, 6, 7]);
});

test('StreamPlaces gives a visible page a place at once, before all that are hidden', async () => {
  const tabs = await origin.tabsOf(false, false, false, false, false);
  await origin.tab(true);
  assert.equal(origin.placed().length, 4);
  assert.ok(origin.placed().includes(6));
  tabs[4]?.show(true);
  await origin.settle();
  assert.deepEqual(origin.placed().slice(-2), [5, 6]);
});

test('StreamPlaces leaves a hidden page its place as long as there is a free one', async () => {
  const tabs = await origin.tabsOf(false, false);
  await origin.tab(true);
  assert.deepEqual(origin.placed(), [1, 2, 3]);
  assert.deepEqual(
    tabs.map(({ timesPlaced }) => timesPlaced),
    [1, 1],
  );
});

test('StreamPlaces leaves a visible page its place when no other visible one waits, however long', async () => {
  const tabs = await origin.tabsOf(true, true, true, true, false, false);
  await origin.pass(60_000);
  assert.deepEqual(origin.placed(), [1, 2, 3, 4]);
  assert.deepEqual(
    tabs.map(({ timesPlaced }) => timesPlaced),
    [1, 1, 1, 1, 0, 0],
  );
});

test('StreamPlaces lets seven visible pages take turns of two seconds', async () => {
  const tabs = await origin.tabsOf(true, true, true, true, true, true, true);
  assert.deepEqual(origin.placed(), [1, 2, 3, 4]);
  await origin.pass(1999);
  assert.deepEqual(origin.placed(), [1, 2, 3, 4]);
  await origin.pass(1);
  assert.equal(origin.placed().length, 4);
  assert.deepEqual(origin.placed().slice(-3), [5, 6, 7]);
  for (let turn = 0; turn < 20; turn += 1) await origin.pass(2000);
  assert.equal(origin.placed().length, 4);
  const times = tabs.map(({ timesPlaced }) => timesPlaced);
  assert.ok(Math.min(...times) >= 10 && Math.max(...times) - Math.min(...times) <= 2, times.join(' '));
});

test('StreamPlaces gives a page that was hidden among seven visible ones no turn before it is shown', async () => {
  const tabs = await origin.tabsOf(true, true, true, true, true, true, true);
  tabs[0]?.show(false);
  await origin.settle();
  assert.deepEqual(origin.placed(), [2, 3, 4, 5], 'it gives way at once');
  for (let turn = 0; turn < 10; turn += 1) await origin.pass(2000);
  assert.equal(tabs[0]?.timesPlaced, 1);
  tabs[0].show(true);
  for (let turn = 0; turn < 2; turn += 1) await origin.pass(2000);
  assert.equal(tabs[0].timesPlaced, 2);
});

test('StreamPlaces keeps the place of a page that is hidden and shown again while nobody wants it', async () => {
  const tabs = await origin.tabsOf(true, false, false, false);
  tabs[0]?.show(false);
  await origin.settle();
  tabs[0]?.show(true);
  await origin.tab(true);
  assert.equal(tabs[0]?.timesPlaced, 1);
  assert.ok(origin.placed().includes(1) && origin.placed().includes(5));
});

test('StreamPlaces waits for who has to give its place back, for a second', async () => {
  const [tab] = await origin.tabsOf(false, false, false, false);
  for (const { place } of origin.tabs) assert.equal(place?.lost.aborted, false);
  for (const each of origin.tabs) each.hangs = true;
  const shown = await origin.tab(true);
  await origin.pass(999);
  assert.deepEqual(origin.placed(), [1, 2, 3, 4]);
  await origin.pass(1);
  assert.equal(shown.place?.lost.aborted, false);
  assert.ok(tab?.place?.lost.aborted);
});

test('StreamPlaces.take() rejects with the reason of an abort, before it waits and while it does', async () => {
  await origin.tabsOf(true, true, true, true);
  for (const isVisible of [true, false]) {
    const places = new StreamPlaces({
      locks: navigator.locks,
      isVisible: () => isVisible,
      onVisibilityChange: () => () => undefined,
      setTimer: origin.clock.setTimer.bind(origin.clock),
    });
    const reason = new Error('another conversation');
    await assert.rejects(places.take(AbortSignal.abort(reason)), reason);
    const aborter = new AbortController();
    const taken = places.take(aborter.signal);
    await origin.settle();
    aborter.abort(reason);
    await assert.rejects(taken, reason);
  }
});

test('StreamPlaces.take() counts nobody where the browser refuses locks', async () => {
  const refusal = new DOMException('Access to locks is denied', 'SecurityError');
  const refuse = (): Promise<never> => Promise.reject(refusal);
  for (const isVisible of [true, false]) {
    const places = new StreamPlaces({
      locks: { request: refuse, query: refuse },
      isVisible: () => isVisible,
      onVisibilityChange: () => () => undefined,
      setTimer: origin.clock.setTimer.bind(origin.clock),
    });
    const taken = await Promise.all(
      Array.from({ length: 7 }, () => places.take(new AbortController().signal)),
    );
    assert.ok(taken.every(({ lost }) => !lost.aborted));
  }
});
