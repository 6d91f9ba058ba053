// Who may ask: checks keys and sessions, by rules that can be changed while the relay runs.

import { errorResponse } from '../http.ts';
import type { RelayRequest, RelayResponse } from '../http.ts';
import { AccessOptionError } from './access-option-error.ts';
import type { AccessOptions, RelayKey } from './access-options.ts';
import { accessRules } from './access-rules.ts';
import type { AccessRules } from './access-rules.ts';
import { callerWith, localCaller, presentedKeys } from './caller.ts';
import type { Caller } from './caller.ts';
import { sessionCookieOf } from './cookies.ts';
import { Keyring } from './keyring.ts';
import { OwnerAccounts } from './owner-accounts.ts';
import type { OwnerAccountsOptions } from './owner-accounts.ts';
import { OwnerLimitError } from './owner-limit-error.ts';
import { Sessions } from './sessions.ts';
import { Tokens } from './tokens.ts';
import type { TokenSession } from './tokens.ts';

export type Admission =
  | { readonly type: 'admitted'; readonly caller: Caller }
  | { readonly type: 'refused'; readonly response: RelayResponse };

/** Owners, by what a reload changed. */
export interface Reloaded {
  /** They have no key any more. */
  readonly removed: readonly string[];
  /** They are no operators any more. */
  readonly demoted: readonly string[];
}

const safeMethods = new Set(['GET', 'HEAD']);

export class Access {
  #rules: AccessRules;
  #keyring: Keyring;
  readonly #sessions: Sessions;
  readonly #tokens: Tokens;
  readonly accounts: OwnerAccounts;

  /** Throws an AccessOptionError. */
  constructor(options: AccessOptions, context: OwnerAccountsOptions) {
    this.#rules = accessRules(options);
    const { keys = new Map<string, RelayKey>(), sessionMs = 0 } = this.#rules;
    this.#keyring = new Keyring(keys.values());
    this.#sessions = new Sessions(keys, sessionMs, context.now);
    this.#tokens = new Tokens(this.#rules.tokens, context.now);
    this.accounts = new OwnerAccounts(() => this.#rules, context);
  }

  get rules(): AccessRules {
    return this.#rules;
  }

  get hasKeys(): boolean {
    return this.#rules.keys !== undefined;
  }

  /** Undefined where there are no cookies. */
  get sessions(): Sessions | undefined {
    return this.#rules.sessionMs === undefined ? undefined : this.#sessions;
  }

  /** Changes the rules for every request that comes now; what owners without a key have under way is ended. Throws an
   * AccessOptionError, and changes nothing then. */
  reload(options: AccessOptions): Reloaded {
    const rules = accessRules(options);
    if ((rules.keys !== undefined) !== this.hasKeys)
      throw new AccessOptionError(
        'access.keys',
        this.hasKeys
          ? 'cannot all be taken away while the relay runs'
          : 'cannot be begun with while the relay runs',
      );
    const { keys = new Map<string, RelayKey>(), sessionMs = 0 } = rules;
    const before = [...(this.#rules.keys?.values() ?? [])];
    const removed = before.map(({ id }) => id).filter((id) => !keys.has(id));
    const demoted = before.filter(({ operator }) => operator === true).map(({ id }) => id);
    this.#rules = rules;
    this.#keyring = new Keyring(keys.values());
    this.#sessions.change(keys, sessionMs);
    this.#tokens.change(rules.tokens);
    this.accounts.change(removed);
    return { removed, demoted: demoted.filter((id) => keys.get(id)?.operator !== true) };
  }

  /** Who asks, by the program around the relay, by a key, or by a session where a page asks. */
  async admit(request: RelayRequest): Promise<Admission> {
    if (request.owner !== undefined) return admitted({ owner: request.owner, isOperator: false });
    if (!this.hasKeys) return admitted(localCaller);
    const presented = presentedKeys(request);
    const isApi = request.path.startsWith('/v1/');
    if (presented.length > 0) return this.#admitKeys(presented, { isApi });
    const cookie = isApi || this.sessions === undefined ? undefined : sessionCookieOf(request);
    return cookie === undefined ? refused : this.#admitSession(request, cookie);
  }

  /** Who a token of the application is for; undefined for what is none, or names somebody who has a key. */
  async findToken(token: string): Promise<TokenSession | undefined> {
    const session = await this.#tokens.find(token);
    return session === undefined || this.accounts.hasKey(session.owner) ? undefined : session;
  }

  /** A cookie that was signed out is worth nothing any more, whatever it was. Resolves with who came by it. */
  async endSession(cookie: string): Promise<Caller | undefined> {
    const [session, token] = await Promise.all([this.#sessions.end(cookie), this.#tokens.end(cookie)]);
    return session === undefined ? token && callerOf(token) : callerWith(session.key, session.said);
  }

  /** Why they may not go on: a request may take long to come, and be admitted by what is changed meanwhile. Undefined
   * where they may. */
  lapseOf(
    caller: Caller,
    { asOperator }: { readonly asOperator: boolean } = { asOperator: false },
  ): OwnerLimitError | undefined {
    const { owner, hasKey, session: said = '' } = caller;
    if (hasKey === true && !this.accounts.hasKey(owner)) return new OwnerLimitError('removed');
    // It had not run out when it was looked at.
    const session = { owner, said, runsOutAt: Infinity };
    const isOut = this.#sessions.hasEnded(session) || this.#tokens.hasEnded(session);
    const isDemoted = asOperator && this.#rules.keys?.get(owner)?.operator !== true;
    return isOut || isDemoted ? new OwnerLimitError('ended') : undefined;
  }

  find(secret: string): Promise<RelayKey | undefined> {
    return this.#keyring.find(secret);
  }

  async #admitKeys(presented: readonly string[], { isApi }: { isApi: boolean }): Promise<Admission> {
    const found = await Promise.all(presented.map((secret) => this.find(secret)));
    // A program may have a key for somebody else set as well.
    const [key, other] = new Set(found.filter((each) => each !== undefined));
    if (key !== undefined) return other === undefined ? admitted(callerWith(key)) : refused;
    // Whoever uses an application is in a page, which asks for what pages may.
    const sessions = isApi ? [] : await Promise.all(presented.map((token) => this.findToken(token)));
    const session = sessions.find((each) => each !== undefined);
    return session === undefined ? refused : admitted(callerOf(session));
  }

  async #admitSession({ method, headers }: RelayRequest, cookie: string): Promise<Admission> {
    const session = await this.#sessions.find(cookie);
    const token = session === undefined ? await this.findToken(cookie) : undefined;
    const caller = session === undefined ? token && callerOf(token) : callerWith(session.key, session.said);
    if (caller === undefined) return refused;
    // Origins that are not the relay's have been refused by now. A browser says one with all that may do something.
    if (!safeMethods.has(method) && headers.get('origin') === undefined) return withoutOrigin;
    return admitted(caller);
  }
}

function callerOf({ owner, said }: TokenSession): Caller {
  return { owner, isOperator: false, session: said };
}

function admitted(caller: Caller): Admission {
  return { type: 'admitted', caller };
}

const refused: Admission = {
  type: 'refused',
  get response() {
    return unauthenticated('This relay needs one of its keys, as x-api-key or as Authorization: Bearer');
  },
};

const withoutOrigin: Admission = {
  type: 'refused',
  get response() {
    return errorResponse(403, 'permission_error', 'A session is good for pages, which say their Origin');
  },
};

export function unauthenticated(message: string): RelayResponse {
  const response = errorResponse(401, 'authentication_error', message);
  return { ...response, headers: { ...response.headers, 'www-authenticate': 'Bearer' } };
}
