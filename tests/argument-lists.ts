/** For each public function of core, and each member of what it returns, the argument lists that it has to refuse. */
import { wrongFor, wrongTimes } from "./wrong-values.ts";

/** Argument lists that are wrong, by the name of a function; a text says why a name has none. */
export type Calls = Readonly<Record<string, readonly (readonly unknown[])[] | string>>;

export const each = (values: readonly unknown[], ...before: readonly unknown[]): unknown[][] =>
  values.map((value) => [...before, value]);
export const behind = (...before: readonly unknown[]): unknown[][] => each(wrongFor.surplus, ...before);
const wrongLifetimes = [
  ...wrongFor.duration.map((idleMs) => ({ idleMs })),
  ...wrongFor.duration.map((absoluteMs) => ({ absoluteMs })),
  ...wrongTimes.map((expiresAt) => ({ expiresAt })),
];
const PROPERTY = "a property";
const signalled = { signal: AbortSignal.abort() };

export const sessionsCalls: Calls = {
  connections: PROPERTY,
  diagnostics: PROPERTY,
  origins: PROPERTY,
  of: [...each([null, undefined, 5, "x", true, Symbol("s")]), ...behind({})],
  get: [...each([undefined, ...wrongFor.string]), ...behind("id")],
  open: [
    ...each([undefined, ...wrongFor.string.filter((value) => !Array.isArray(value))]),
    ...each(wrongFor.string.map((value) => ["x", value])),
    ...each(wrongFor.options, "x"),
    ...each(
      wrongFor.subject.map((subject) => ({ subject })),
      "x",
    ),
    ...each(
      wrongFor.boolean.map((touch) => ({ touch })),
      "x",
    ),
    ...behind("x", {}),
  ],
  entries: each(wrongFor.any),
  // What is data rejects with INVALID_DATA.
  create: [
    ...each(wrongFor.options, { n: 1 }),
    ...each(
      wrongFor.subject.map((subject) => ({ subject })),
      { n: 1 },
    ),
    ...each(wrongLifetimes, { n: 1 }),
    ...behind({ n: 1 }, {}),
  ],
  destroy: [...each([undefined, ...wrongFor.string]), ...each(wrongFor.string, "id"), ...behind("id", "why")],
  bySubject: [...each([undefined, ...wrongFor.subject]), ...behind("ada")],
  destroySubject: [
    ...each([undefined, ...wrongFor.subject]),
    ...each(wrongFor.string, "ada"),
    ...behind("ada", "why"),
  ],
  send: [
    ...[undefined, ...wrongFor.string].map((id) => [id, "x"]),
    ...each([undefined, ...wrongFor.string], "id"),
    ...each(wrongFor.options, "id", "x"),
    ...behind("id", "x", {}),
  ],
  sendToSubject: [
    ...[undefined, ...wrongFor.subject].map((subject) => [subject, "x"]),
    ...each([undefined, ...wrongFor.string], "ada"),
    ...each(wrongFor.options, "ada", "x"),
    ...behind("ada", "x", {}),
  ],
  presence: [...each([undefined, ...wrongFor.string]), ...behind("id")],
  presenceOfSubject: [...each([undefined, ...wrongFor.subject]), ...behind("ada")],
  watch: [
    ...[undefined, "ada", ...wrongFor.iterable].map((subjects) => [subjects, () => 1, signalled]),
    ...wrongFor.subject.map((subject) => [[subject], () => 1, signalled]),
    ...[undefined, ...wrongFor.callback].map((listener) => [["ada"], listener, signalled]),
    ...each([undefined, ...wrongFor.options, {}, { signal: {} }], ["ada"], () => 1),
    ...behind(["ada"], () => 1, signalled),
  ],
  health: each(wrongFor.any),
  close: [...each(wrongFor.options), ...behind({})],
  bind: [
    ...each([undefined, ...wrongFor.object]),
    ...each([undefined, null, 5, "x", [], { mesage: () => 1 }], {}),
  ],
};

const keptMessage = [
  ...each([undefined, ...wrongFor.string, new ArrayBuffer(1)]),
  ...each(wrongFor.options, "x"),
  ...each(
    ["", "é".repeat(32), "key\uD800", ...wrongFor.string].map((key) => ({ key })),
    "x",
  ),
  ...each(
    wrongFor.duration.map((ttlMs) => ({ ttlMs })),
    "x",
  ),
  ...behind("x", {}),
];

export const sessionCalls: Calls = {
  id: PROPERTY,
  data: PROPERTY,
  version: PROPERTY,
  subject: PROPERTY,
  connections: PROPERTY,
  set: behind({ n: 1 }),
  patch: behind({ n: 1 }),
  update: [...each([undefined, ...wrongFor.callback]), ...behind((data: object) => data)],
  refresh: each(wrongFor.any),
  touch: each(wrongFor.any),
  expiresAt: PROPERTY,
  idleExpiresAt: PROPERTY,
  extend: [...each(wrongFor.options), ...each(wrongLifetimes), ...behind({})],
  identify: [...each([undefined, ...wrongFor.subject]), ...behind("ada")],
  rotate: each(wrongFor.any),
  destroy: [...each(wrongFor.string), ...behind("why")],
  send: keptMessage,
};

export const connectionCalls: Calls = {
  id: PROPERTY,
  runtime: PROPERTY,
  transport: PROPERTY,
  protocol: PROPERTY,
  context: PROPERTY,
  closed: PROPERTY,
  session: PROPERTY,
  resumed: PROPERTY,
  token: PROPERTY,
  bufferedAmount: PROPERTY,
  socket: PROPERTY,
  setSession: behind({ n: 1 }),
  ready: [
    ...each(wrongFor.options),
    ...each(
      wrongFor.any
        .filter((value) => typeof value !== "number" || Number.isNaN(value))
        .map((timeoutMs) => ({ timeoutMs })),
    ),
    ...each(wrongFor.any.map((signal) => ({ signal }))),
    ...behind({}),
  ],
  send: [
    ...each([undefined, ...wrongFor.string, new ArrayBuffer(1), new DataView(new ArrayBuffer(1))]),
    ...behind("x"),
  ],
  close: [
    ...each([null, "1000", 999, 1005, 5000, {}]),
    ...each(wrongFor.string, 1000),
    ...behind(1000, "why"),
  ],
  terminate: each(wrongFor.any),
};

export const transactionCalls: Calls = {
  connection: PROPERTY,
  id: PROPERTY,
  data: PROPERTY,
  set: behind({ n: 1 }),
  patch: behind({ n: 1 }),
  update: [...each([undefined, ...wrongFor.callback]), ...behind((data: object) => data)],
  send: keptMessage,
  after: [...each([undefined, ...wrongFor.callback]), ...behind(() => 1)],
  atLeastOnce: [...each([undefined, ...wrongFor.callback]), ...behind(() => 1)],
};

export const bindingCalls: Calls = { size: PROPERTY, close: [...each(wrongFor.options), ...behind({})] };

export const coreCalls: Calls = {
  CloseCode: PROPERTY,
  MAX_REASON_BYTES: PROPERTY,
  SessionError: "the constructor of errors must not throw another",
  TransactionRefused: "of @wsession/protocol, whose own tests have it",
  isTransactionRefused: "of @wsession/protocol, whose own tests have it",
  unchecked: "of @wsession/protocol, whose own tests have it",
  onTelemetry: [
    ...each([undefined, null, 5, "", "wsession:nothing", {}]).map(([name]) => [name, () => undefined]),
    ...each([undefined, null, 5, {}, "wsession:message"], "wsession:message"),
    ...behind("wsession:message", () => undefined),
  ],
  isSessionError: each([null, 5, {}, true], new Error("x")),
  accept: [...each(wrongFor.options), ...behind({})],
  reject: [
    ...each([undefined, null, "401", 200, 399, 600, 401.5, NaN, {}, Symbol("s")]),
    ...each(wrongFor.string, 401),
    ...each(wrongFor.options, 401, "why"),
    ...behind(401, "why", {}),
  ],
  createSessions: [...each(wrongFor.options), ...behind({})],
  inConnectionStore: each(wrongFor.any),
  mapStore: [...each(wrongFor.options), ...behind({})],
  mixChain: [
    ...each([undefined, null, "1", 1.5, -1, 2 ** 31, NaN, {}, 1n]),
    ...each([undefined, "1", -1], 1),
  ],
  cookieToken: [...each(wrongFor.options), ...behind({})],
  protocolToken: [...each(wrongFor.options), ...behind({})],
  queryToken: [...each(wrongFor.options), ...behind({})],
};

const check = "throws INVALID_ARGUMENT itself, for what it is given to check";
export const portCalls: Calls = {
  assertBoolean: check,
  assertDuration: check,
  assertFunction: check,
  assertMethods: check,
  assertNames: check,
  assertNoMore: check,
  assertOneOf: check,
  assertOptions: check,
  assertString: check,
  assertSubject: check,
  assertText: check,
  assertHeader: [...each(wrongFor.string), ...each(wrongFor.string, "x-a"), ["x a", "1"], ["x-a", "1\n"]],
  invalidArgument: "makes the error",
  isRefusedPromise: "takes anything",
  originAllowed: "of a rule that was checked",
  createWithId: "rejects: packages/http/test/express-store.test.ts",
  chooseSubprotocol: "for adapters, which have checked the hook",
  carrierOf: "for HTTP code, which has checked its arguments",
  presentedTokens: "for HTTP code, which has checked its arguments",
  tokenHeader: "for HTTP code, which has checked its arguments",
  inOneLogin: "for HTTP code, which has checked its arguments",
  inOneOperation: "for HTTP code, which has checked its arguments",
  owned: "takes a promise",
  resolveOrigins: check,
  parseProtocols: each(wrongFor.string),
  plainAddress: each(wrongFor.string),
  shown: "takes anything",
  Warnings: "for packages of this library; takes a text of the package",
  SubjectWatches: "for stores; takes no argument",
  LIFETIME_OPTIONS: "the names of the lifetimes, and no function",
  REFUSED_AFTER_CLOSE: "an answer, and no function",
  assertLifetimes: each(wrongLifetimes, "x()"),
  together: "for stores; takes states of a store",
  tapConnection: each([undefined, ...wrongFor.object], {}),
};
