/** The session of each request, for the frameworks. */
import { assertOptions, assertText } from "@wsession/core/runtime";
import type { HttpSessions } from "./contract.ts";
import type { AnyRequest, HonoContext, NodeRequest } from "./shapes.ts";

/** `S` is the type of the sessions. */
interface Opening<S> {
  open(request: AnyRequest): Promise<S | undefined>;
}
type Found<S> = WeakMap<object, S>;

export function expressMiddleware<S>(
  http: Opening<S>,
  options: { readonly property?: string | undefined } = {},
): ReturnType<HttpSessions<object>["express"]> {
  assertOptions("express()", options, ["property"]);
  const { property } = options;
  if (property !== undefined) assertText("express(): property", property);
  return (request, _response, next) => {
    http.open(request).then((session) => {
      if (property !== undefined) Reflect.set(request, property, session);
      next();
    }, next);
  };
}

export function fastifyHook<S>(
  http: Opening<S>,
  found: Found<S>,
): ReturnType<HttpSessions<object>["fastify"]> {
  return async (request) => {
    const session = await http.open(request);
    // Code below Fastify has Node's own request.
    const raw = rawOf(request);
    if (session !== undefined && raw !== undefined) found.set(raw, session);
  };
}

function rawOf(request: NodeRequest): object | undefined {
  const raw: unknown = Reflect.get(request, "raw");
  return typeof raw === "object" && raw !== null ? raw : undefined;
}

export function honoMiddleware<S>(
  http: Opening<S>,
  found: Found<S>,
  options?: { readonly variable: string },
): (context: HonoContext, next: () => Promise<void>) => Promise<void> {
  if (options !== undefined) {
    assertOptions("hono()", options, ["variable"]);
    assertText("hono(): variable", options.variable);
  }
  return async (context, next) => {
    const session = await http.open(context.req.raw);
    if (session !== undefined) found.set(context, session);
    if (options !== undefined && hasVariables(context)) context.set(options.variable, session);
    await next();
  };
}

function hasVariables(
  context: HonoContext,
): context is HonoContext & { set(key: string, value: unknown): void } {
  return "set" in context && typeof context.set === "function";
}
