// A store that fails, lies or waits where a test wants it to.

import type { StreamLog } from 'millrace/storage';

/** A log that does what `log` does but for some methods. */
export const logWith = (log: StreamLog, changed: Partial<StreamLog>): StreamLog => storeWith(log, changed);

/** The same of any store. */
export function storeWith<Store extends object>(store: Store, changed: Partial<Store>): Store {
  return new Proxy(store, {
    get: (target, name) => {
      const method: unknown = Reflect.get(changed, name) ?? Reflect.get(target, name, target);
      return typeof method === 'function'
        ? method.bind(Reflect.has(changed, name) ? changed : target)
        : method;
    },
  });
}

/** A method that rejects as a store does whose disk is gone. */
export const storeIsGone = (): Promise<never> => Promise.reject(new Error('the store is gone'));
