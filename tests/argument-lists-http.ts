/** For each public function of `@wsession/http`, and each member of what it returns, the argument lists that it has to refuse. */
import { cookieToken, createSessions } from "@wsession/core";
import { behind, each } from "./argument-lists.ts";
import type { Calls } from "./argument-lists.ts";
import { wrongFor, wrongTimes } from "./wrong-values.ts";

const sessions = createSessions({});
const cookie = cookieToken();
const secret = "a secret of at least thirty-two characters";
const store = { get: () => undefined };
const adapter = { getSessionAndUser: () => null };
const reader = [...each([undefined, ...wrongFor.options]), ...behind({ store, secret })];

export const httpCalls: Calls = {
  httpSessions: [
    ...each([undefined, ...wrongFor.object]).map(([value]) => [value, { cookie }]),
    ...each([undefined, ...wrongFor.options], sessions),
    ...behind(sessions, { cookie }),
  ],
  fromExpressSession: reader,
  fromFastifySession: reader,
  fromAuthJs: [...each([undefined, ...wrongFor.options]), ...behind({ adapter })],
  expressStore: [...each([undefined, ...wrongFor.object]), ...behind(sessions)],
  HttpSessionError: "the constructor of errors must not throw another",
  isHttpSessionError: each([null, 5, {}, true], new Error("x")),
  httpStatusOf: "takes anything",
};

const noRequest = [...each([undefined, ...wrongFor.object]), [{ headers: [] }], [{ headers: null }]];
const request = { headers: {} };
const response = new Headers();
const noAction = [...noRequest.map(([value]) => [value, response]), ...behind(request, response)];
const wrongLogins = [
  ...wrongFor.options,
  {},
  ...wrongFor.subject.map((subject) => ({ subject })),
  ...wrongFor.boolean.map((checkOrigin) => ({ subject: "ada", checkOrigin })),
  ...wrongFor.duration.map((idleMs) => ({ subject: "ada", idleMs })),
  ...wrongFor.duration.map((absoluteMs) => ({ subject: "ada", absoluteMs })),
  ...wrongTimes.map((expiresAt) => ({ subject: "ada", expiresAt })),
];

export const httpSessionsCalls: Calls = {
  of: [
    ...each([undefined, ...wrongFor.string.filter((value) => Object(value) !== value)]),
    ...behind(request),
  ],
  open: [...noRequest, ...behind(request)],
  login: [
    ...noRequest.map(([value]) => [value, response, { n: 1 }, { subject: "ada" }]),
    ...each([undefined, ...wrongLogins], request, response, { n: 1 }),
    ...behind(request, response, { n: 1 }, { subject: "ada" }),
  ],
  logout: noAction,
  renew: noAction,
  express: [
    ...each(wrongFor.options),
    ...each(wrongFor.text.map((property) => ({ property }))),
    ...behind({}),
  ],
  fastify: each(wrongFor.surplus),
  hono: [
    ...each([...wrongFor.options, {}]),
    ...each(wrongFor.text.map((variable) => ({ variable }))),
    ...behind({ variable: "session" }),
  ],
};
