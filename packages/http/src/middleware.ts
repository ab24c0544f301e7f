/** The session of each request, for the frameworks. */
import { assertFunction, assertOptions, assertText, invalidArgument, owned } from "@wsession/core/runtime";
import type { RejectionOwner } from "@wsession/core/runtime";
import type { HttpSessions } from "./contract.ts";
import { isRequest } from "./request.ts";
import { innerRequest } from "./request-sessions.ts";
import type { RequestSessions } from "./request-sessions.ts";
import type { AnyRequest, HonoContext } from "./shapes.ts";

/** `S` is the type of the sessions. */
interface Opening<S> {
  open(request: AnyRequest): Promise<S | undefined>;
}

/** Throws for `app.use(http.express)`: the framework then calls the method itself, with a request or a context of Hono. */
export function assertCalled(name: string, first: unknown): void {
  if (typeof first === "object" && first !== null && isRequest(innerRequest(first)))
    throw invalidArgument(
      `${name}() returns the middleware: register what http.${name}() returns, not http.${name}`,
    );
}

/**
 * The name of the property, if the application gave one. Checks the options, because an application may pass a request by
 * mistake.
 */
export function checkExpress(options: { readonly property?: string | undefined } = {}): string | undefined {
  assertOptions("express()", options, ["property"]);
  const { property } = options;
  if (property !== undefined) assertText("express(): property", property);
  return property;
}

export function expressMiddleware<S>(
  http: Opening<S>,
  property: string | undefined,
  owner: RejectionOwner | undefined,
): ReturnType<HttpSessions<object>["express"]> {
  return (request, _response, next) => {
    assertFunction("the middleware of express(): next", next);
    const passedOn = http.open(request).then((session) => {
      // A getter without a setter, such as Express' `ip`, would leave the request without its session.
      if (property !== undefined && !Reflect.set(request, property, session))
        return next(invalidArgument(`express(): the property ${property} of the request can't be set`));
      return next();
    }, next);
    // `next` runs the application's code, which may throw.
    void owned(passedOn, owner);
  };
}

export function fastifyHook<S>(http: Opening<S>): ReturnType<HttpSessions<object>["fastify"]> {
  return async (request) => {
    await http.open(request);
  };
}

/** The name of the variable, if the application gave one. */
export function checkHono(options?: { readonly variable: string }): string | undefined {
  if (options === undefined) return undefined;
  assertOptions("hono()", options, ["variable"]);
  assertText("hono(): variable", options.variable);
  return options.variable;
}

export function honoMiddleware<S>(
  http: Opening<S>,
  found: RequestSessions<S>,
  variable: string | undefined,
): (context: HonoContext, next: () => Promise<void>) => Promise<void> {
  return async (context, next) => {
    const session = await http.open(context.req.raw);
    found.setForContext(context, session);
    if (variable !== undefined && hasVariables(context)) context.set(variable, session);
    await next();
  };
}

function hasVariables(
  context: HonoContext,
): context is HonoContext & { set(key: string, value: unknown): void } {
  return "set" in context && typeof context.set === "function";
}
