/** Spans: the handshake, each message with its handler, and the calls of the store in them. */
import { channel } from "node:diagnostics_channel";
import { context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import type { Attributes, Context, Span, Tracer } from "@opentelemetry/api";
import { onTelemetry } from "@wsession/core";
import type { TelemetryEvents } from "@wsession/core";
import { contextStorage } from "./context-storage.ts";
import { Attribute, SCOPE } from "./names.ts";

type Operations = Pick<
  TelemetryEvents,
  | "wsession:handshake"
  | "wsession:message"
  | "wsession:transaction"
  | "wsession:write"
  | "wsession:store:call"
  | "wsession:outbox:send"
>;

interface Kind<Event> {
  readonly name: (event: Event) => string;
  readonly kind: SpanKind;
  readonly attributes: (event: Event) => Attributes;
  /** Absent: the active context. */
  readonly parent?: (event: Event) => Context;
  /** Attributes that are set at the end. */
  readonly atEnd?: (event: Event) => Attributes;
  readonly errorType: (event: Event) => string | undefined;
}

const received = (
  operation: string,
  event: Operations["wsession:message" | "wsession:transaction"],
): Attributes => ({
  [Attribute.MessagingSystem]: "wsession",
  [Attribute.MessagingOperation]: operation,
  [Attribute.MessagingType]: "process",
  [Attribute.MessagingBytes]: event.bytes,
  [Attribute.SessionId]: event.sessionId,
  [Attribute.ConnectionId]: event.connectionId,
  [Attribute.Runtime]: event.runtime,
});

/** A refusal is an answer to the client, and not an error of the server. */
const unlessRefused = ({
  outcome,
  errorType,
}: {
  readonly outcome: string;
  readonly errorType: string | undefined;
}) => (outcome === "refused" ? undefined : (errorType ?? (outcome === "failed" ? "failed" : undefined)));

const kinds: { readonly [Name in keyof Operations]: Kind<Operations[Name]> } = {
  "wsession:handshake": {
    name: () => "wsession.handshake",
    kind: SpanKind.SERVER,
    parent: ({ traceparent, tracestate }) =>
      propagation.extract(context.active(), { traceparent, ...(tracestate !== undefined && { tracestate }) }),
    attributes: ({ runtime }) => ({ [Attribute.HttpMethod]: "GET", [Attribute.Runtime]: runtime }),
    atEnd: ({ status, refusal }) => ({
      [Attribute.HttpStatus]: status,
      ...(refusal !== undefined && { [Attribute.Reason]: refusal }),
    }),
    // As the conventions require of a server: 4xx is the client's mistake.
    errorType: ({ status, errorType }) =>
      errorType ?? (status !== undefined && status >= 500 ? `${status}` : undefined),
  },
  "wsession:message": {
    name: () => "wsession.message",
    kind: SpanKind.CONSUMER,
    attributes: (event) => received("message", event),
    errorType: unlessRefused,
  },
  "wsession:transaction": {
    name: () => "wsession.transaction",
    kind: SpanKind.CONSUMER,
    attributes: (event) => received("transaction", event),
    errorType: unlessRefused,
  },
  "wsession:write": {
    name: ({ kind }) => `wsession.${kind}`,
    kind: SpanKind.INTERNAL,
    attributes: ({ kind, sessionId }) => ({ [Attribute.Kind]: kind, [Attribute.SessionId]: sessionId }),
    errorType: ({ errorType }) => errorType,
  },
  "wsession:store:call": {
    name: ({ method }) => `wsession.store ${method}`,
    // Not CLIENT: a store may be in this process, and the client of a database has an instrumentation of its own.
    kind: SpanKind.INTERNAL,
    attributes: ({ method, sessionId }) => ({ [Attribute.Method]: method, [Attribute.SessionId]: sessionId }),
    errorType: ({ errorType }) => errorType,
  },
  "wsession:outbox:send": {
    name: () => "wsession.send",
    kind: SpanKind.PRODUCER,
    attributes: ({ sessionId, bytes }) => ({
      [Attribute.MessagingSystem]: "wsession",
      [Attribute.MessagingOperation]: "send",
      [Attribute.MessagingType]: "send",
      [Attribute.MessagingBytes]: bytes,
      [Attribute.SessionId]: sessionId,
    }),
    errorType: ({ errorType }) => errorType,
  },
};

/** Starts spans for all operations of the process. Returns a function that ends this. */
export function startSpans(): () => void {
  const tracer = trace.getTracer(SCOPE);
  const stops = [
    spansOf(tracer, "wsession:handshake", kinds["wsession:handshake"]),
    spansOf(tracer, "wsession:message", kinds["wsession:message"]),
    spansOf(tracer, "wsession:transaction", kinds["wsession:transaction"]),
    spansOf(tracer, "wsession:write", kinds["wsession:write"]),
    spansOf(tracer, "wsession:store:call", kinds["wsession:store:call"]),
    spansOf(tracer, "wsession:outbox:send", kinds["wsession:outbox:send"]),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

function spansOf<Name extends keyof Operations>(
  tracer: Tracer,
  name: Name,
  kind: Kind<Operations[Name]>,
): () => void {
  // The payload of an operation is one object on all its channels.
  const spans = new WeakMap<object, Span>();
  const begin = (event: unknown): Context => {
    const active = context.active();
    if (!isEventOf(name, event)) return active;
    try {
      const parent = kind.parent?.(event) ?? active;
      const options = { kind: kind.kind, attributes: kind.attributes(event) };
      const span = tracer.startSpan(kind.name(event), options, parent);
      spans.set(event, span);
      return trace.setSpan(parent, span);
    } catch {
      // A span processor of the application threw. The operation must run in spite of this error.
      return active;
    }
  };
  const start = channel(`tracing:${name}:start`);
  const storage = contextStorage();
  const observe = (event: unknown): void => void begin(event);
  if (storage === undefined) start.subscribe(observe);
  else start.bindStore(storage, begin);
  const stopEnd = onTelemetry(name, (event: Operations[Name]) => end(spans.get(event), kind, event));
  return () => {
    if (storage === undefined) start.unsubscribe(observe);
    else start.unbindStore(storage);
    stopEnd();
  };
}

function end<Event extends { readonly outcome: string }>(
  span: Span | undefined,
  kind: Kind<Event>,
  event: Event,
): void {
  if (span === undefined) return;
  span.setAttributes({ ...kind.atEnd?.(event), [Attribute.Outcome]: event.outcome });
  const errorType = kind.errorType(event);
  if (errorType !== undefined) {
    span.setAttribute(Attribute.ErrorType, errorType);
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}

/** Only core publishes on these channels, but a channel's listener gets `unknown`. */
function isEventOf<Name extends keyof Operations>(_name: Name, event: unknown): event is Operations[Name] {
  return typeof event === "object" && event !== null;
}
