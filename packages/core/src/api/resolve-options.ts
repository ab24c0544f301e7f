import {
  assertBoolean,
  assertCount,
  assertDuration,
  assertFunction,
  assertMethods,
  assertOneOf,
  assertOptions,
  memberOf,
  shown,
} from "../base/arguments.ts";
import { invalidArgument } from "../base/errors.ts";
import { telemetry } from "../base/telemetry.ts";
import type { OutboxLimits } from "./outbox-limits.ts";
import type { OriginRule } from "../handshake/handshake.ts";
import type { SessionStore } from "../store/contract.ts";
import { inConnectionStore } from "../store/in-connection.ts";
import { observedStore } from "../store/observed-store.ts";
import type { EarlyLimits, InboxLimits } from "./options.ts";
import { resolveHeartbeat } from "./resolve-heartbeat.ts";
import { resolveNoToken } from "./resolve-no-token.ts";
import { resolveSubjectLimits } from "./resolve-subject-limits.ts";
import type { Settings } from "./settings.ts";
import type { SessionsOptions } from "./typed-options.ts";

const MINUTE = 60_000;

const NAMES = [
  "store",
  "admit",
  "initial",
  "transport",
  "gate",
  "idleMs",
  "idleFrom",
  "absoluteMs",
  "expiringMs",
  "early",
  "inbox",
  "outbox",
  "maxConcurrentMessages",
  "maxBufferedBytes",
  "maxPendingHandshakes",
  "handshakeTimeoutMs",
  "maxConnectionsPerSession",
  "heartbeatMs",
  "heartbeatTimeoutMs",
  "handlerTimeoutMs",
  "exclusive",
  "maxSessionsPerSubject",
  "leaveAfterMs",
  "events",
  "origins",
  "token",
  "onNoToken",
  "onBadToken",
  "onCorruptRecord",
  "graceMs",
  "destroyOnTheft",
  "schema",
  "schemaVersion",
  "migrate",
  "onError",
] satisfies readonly (keyof SessionsOptions<object>)[];

/**
 * Fills in the defaults of the options. Throws INVALID_ARGUMENT for an invalid value, and for an unknown option. Each option is
 * read once, because a getter may return another value the second time.
 */
export function resolveOptions<Data extends object, Transport>(
  options: SessionsOptions<Data, Transport>,
): Settings<Data> {
  assertOptions("createSessions", options, NAMES);
  const { admit, initial, transport, migrate, onError, token, schema } = options;
  for (const [name, value] of Object.entries({ admit, initial, transport, migrate, onError }))
    if (value !== undefined) assertFunction(name, value);
  if (token !== undefined) assertCarrier(token);
  if (schema !== undefined)
    assertMethods("schema", memberOf(schema, "~standard"), "a Standard Schema", ["validate"]);
  const store = storeOf(options.store);
  let observed: SessionStore | undefined;
  const lasting = store.capabilities.resumable;
  if (token !== undefined && !lasting) {
    throw invalidArgument(
      "the option token requires a store that keeps a session longer than its connection, such as mapStore() or redisStore()",
    );
  }
  return {
    admit,
    initial,
    transport,
    origins: resolveOrigins(options.origins),
    token,
    schema,
    migrate,
    onError,
    get store() {
      return telemetry.storeCall.isObserved ? (observed ??= observedStore(store)) : store;
    },
    gate: oneOf("gate", options.gate, ["session", "open"]),
    idleMs: duration("idleMs", options.idleMs, lasting ? 30 * MINUTE : Infinity),
    idleFrom: oneOf("idleFrom", options.idleFrom, ["message", "disconnect"]),
    absoluteMs: duration("absoluteMs", options.absoluteMs, lasting ? 24 * 60 * MINUTE : Infinity),
    expiringMs: duration("expiringMs", options.expiringMs, MINUTE),
    early: resolveEarlyLimits(options.early),
    inbox: resolveInbox(options.inbox),
    outbox: resolveOutbox(options.outbox),
    maxConcurrentMessages: count("maxConcurrentMessages", options.maxConcurrentMessages, 1),
    maxBufferedBytes: count("maxBufferedBytes", options.maxBufferedBytes, 16 * 1024 * 1024),
    maxPendingHandshakes: count("maxPendingHandshakes", options.maxPendingHandshakes, 10_000),
    handshakeTimeoutMs: zeroMeansNever("handshakeTimeoutMs", options.handshakeTimeoutMs, 10_000),
    maxConnectionsPerSession: count("maxConnectionsPerSession", options.maxConnectionsPerSession, 1_000),
    ...resolveHeartbeat(options),
    handlerTimeoutMs: duration("handlerTimeoutMs", options.handlerTimeoutMs, 30_000),
    ...resolveSubjectLimits(options, store),
    ...resolvePresence(options),
    ...resolveNoToken(options),
    graceMs: duration("graceMs", options.graceMs, 30_000),
    destroyOnTheft: flag("destroyOnTheft", options.destroyOnTheft),
    schemaVersion: schemaVersion(options.schemaVersion),
  };
}

const STORE_METHODS = [
  "attach",
  "create",
  "resume",
  "load",
  "write",
  "touch",
  "rotate",
  "destroy",
  "release",
  "ids",
  "bySubject",
  "destroySubject",
  "presence",
  "close",
] satisfies readonly (keyof SessionStore)[];

const OPTIONAL_STORE_METHODS = [
  "takeOver",
  "takeOverSubject",
  "extend",
  "append",
  "read",
  "commit",
  "track",
  "presenceOfSubject",
  "watch",
  "health",
] satisfies readonly (keyof SessionStore)[];

/** Checks the option `store`. Returns `inConnectionStore()` if the option is absent. */
function storeOf(given: SessionStore | undefined): SessionStore {
  if (given === undefined) return inConnectionStore();
  assertMethods("store", given, "what mapStore() or another store's function returned", STORE_METHODS);
  const { resumable, shared, values, outbox } = given.capabilities ?? {};
  assertBoolean("store.capabilities.resumable", resumable);
  assertBoolean("store.capabilities.shared", shared);
  assertOneOf("store.capabilities.values", values, ["any", "json"]);
  if (outbox !== undefined) assertBoolean("store.capabilities.outbox", outbox);
  for (const name of OPTIONAL_STORE_METHODS)
    if (given[name] !== undefined) assertFunction(`store.${name}`, given[name]);
  // Do not require `append` and `read` of a store with `capabilities.outbox`. A wrapper that was written for 0.1 copies the
  // capabilities of the wrapped store and has neither method, and must still run. Such a store keeps no messages.
  return given;
}

function assertCarrier(token: unknown): void {
  assertMethods("token", token, "what cookieToken() or another carrier's function returned", ["read"]);
  for (const name of ["readAll", "readRenewal", "write", "isTokenProtocol"]) {
    const method = memberOf(token, name);
    if (method !== undefined) assertFunction(`token.${name}`, method);
  }
}

function resolveEarlyLimits(given: EarlyLimits = {}): Settings<object>["early"] {
  assertOptions("early", given, ["maxMessages", "maxBytes", "timeoutMs"]);
  return {
    maxMessages: count("early.maxMessages", given.maxMessages, 1024),
    maxBytes: count("early.maxBytes", given.maxBytes, 256 * 1024),
    timeoutMs: zeroMeansNever("early.timeoutMs", given.timeoutMs, 10_000),
  };
}

function resolveOutbox(given: OutboxLimits = {}): Settings<object>["outbox"] {
  assertOptions("outbox", given, ["maxMessages", "maxBytes", "maxAgeMs", "whenFull"]);
  return {
    maxMessages: count("outbox.maxMessages", given.maxMessages, 256),
    maxBytes: count("outbox.maxBytes", given.maxBytes, 256 * 1024),
    maxAgeMs: duration("outbox.maxAgeMs", given.maxAgeMs, 5 * MINUTE),
    whenFull: oneOf("outbox.whenFull", given.whenFull, ["drop-oldest", "refuse"]),
  };
}

function resolvePresence({
  leaveAfterMs,
  events: given = {},
}: Pick<SessionsOptions<object>, "leaveAfterMs" | "events">): Pick<
  Settings<object>,
  "leaveAfterMs" | "events" | "recordsPresence"
> {
  assertOptions("events", given, ["left", "expired", "destroyed"]);
  const { left, expired, destroyed } = given;
  const events = { left, expired, destroyed };
  let recordsPresence = leaveAfterMs !== undefined;
  for (const [name, value] of Object.entries(events)) {
    if (value === undefined) continue;
    assertFunction(`events.${name}`, value);
    recordsPresence = true;
  }
  return { leaveAfterMs: duration("leaveAfterMs", leaveAfterMs, 10_000), events, recordsPresence };
}

function resolveInbox(given: InboxLimits = {}): Settings<object>["inbox"] {
  assertOptions("inbox", given, ["maxMessages", "maxBytes"]);
  return {
    maxMessages: count("inbox.maxMessages", given.maxMessages, 32_768),
    maxBytes: count("inbox.maxBytes", given.maxBytes, 4 * 1024 * 1024),
  };
}

/**
 * An origin of a scheme that is not the web's own: `file://`, `capacitor://localhost`, `app://.`, `chrome-extension://<id>`.
 * The host may be empty, and its letters stay as they are: Safari writes the id of an extension in capitals. A `*` is
 * refused, because the list is compared exactly and such an entry would match nothing.
 */
const OTHER_ORIGIN = /^[a-z][a-z0-9+.-]*:\/\/[A-Za-z0-9\-._~%!$&'()+,;=:[\]]*$/;

/**
 * Checks the option `origins`, and returns a copy of a list. Entries that no browser sends as an Origin would never match. A string
 * in place of a list would match its own substrings, and so admit other origins.
 *
 * @throws INVALID_ARGUMENT for a list with such an entry, and for a value that is neither a list nor a function.
 */
export function resolveOrigins(rule: OriginRule | undefined): OriginRule | undefined {
  if (rule === undefined || typeof rule === "function") return rule;
  const given: readonly unknown[] = Array.isArray(rule) ? [...rule] : [rule];
  const wrong = Array.isArray(rule) ? given.findIndex((origin) => !isOrigin(origin)) : 0;
  if (wrong === -1) return [...rule];
  throw invalidArgument(
    `origins must be an array, and each entry an origin such as "https://example.com", not ${shown(given[wrong])}`,
  );
}

/** An `http` or `https` origin must be written as browsers write it. Of other schemes only the form is checked. */
function isOrigin(origin: unknown): boolean {
  if (typeof origin !== "string") return false;
  if (!/^https?:/i.test(origin)) return origin === "null" || OTHER_ORIGIN.test(origin);
  return URL.canParse(origin) && new URL(origin).origin === origin;
}

function duration(name: string, value: unknown, fallback: number): number {
  if (value === undefined) return fallback;
  assertDuration(name, value);
  return value;
}

function zeroMeansNever(name: string, value: unknown, fallback: number): number {
  return value === 0 ? Infinity : duration(name, value, fallback);
}

function count(name: string, value: unknown, fallback: number): number {
  if (value === undefined) return fallback;
  assertCount(name, value);
  return value;
}

function flag(name: string, value: unknown): boolean {
  if (value === undefined) return false;
  assertBoolean(name, value);
  return value;
}

function schemaVersion(value: unknown = 0): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 1e15) return value;
  throw invalidArgument(`schemaVersion must be an integer of at most 15 digits, not ${shown(value)}`);
}

/** Returns a value of `allowed`. The first of them is the default. */
function oneOf<Value extends string>(
  name: string,
  value: unknown,
  allowed: readonly [Value, ...Value[]],
): Value {
  if (value === undefined) return allowed[0];
  assertOneOf(name, value, allowed);
  return value;
}
