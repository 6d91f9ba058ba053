// A reader may not read any more, while others of the same owner may: told to it at once, with the reason.

import { OwnerLimitError } from './access/owner-limit-error.ts';
import { Parting } from './parting.ts';

export type DismissalCode = 'access_ended' | 'key_removed';

const reasons = {
  access_ended: 'ended',
  key_removed: 'removed',
} as const satisfies Record<DismissalCode, string>;

export class Dismissal extends Parting {
  #code: DismissalCode = 'key_removed';

  get code(): DismissalCode {
    return this.#code;
  }

  get message(): string {
    return new OwnerLimitError(reasons[this.#code]).message;
  }

  dismiss(code: DismissalCode): void {
    this.#code = code;
    this.begin();
  }
}
