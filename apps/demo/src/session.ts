/** The data of a visitor's session, and the options of the sessions. */
import { cookieToken, createSessions } from "@wsession/core";
import type { ErrorContext, Sessions, SessionStore } from "@wsession/core";

export const COLOURS = ["moss", "sea", "indigo", "plum", "clay", "amber"] as const;
export type Colour = (typeof COLOURS)[number];

export interface Note {
  readonly id: string;
  readonly text: string;
}

/** One "count to 100" of a page. */
export interface Run {
  readonly run: string;
  readonly count: number;
}

export interface Visitor {
  readonly name: string;
  readonly colour: Colour;
  readonly count: number;
  readonly notes: readonly Note[];
  /** The latest runs. Absent before the first run. */
  readonly runs?: readonly Run[];
}

export type VisitorSessions = Sessions<Visitor, unknown, never>;

export const IDLE_MS: number = 15 * 60_000;
export const ABSOLUTE_MS: number = 8 * 60 * 60_000;

export interface VisitorSessionsOptions {
  readonly store: SessionStore;
  /** The exact origins of the page, because no other site may open a socket with the visitor's cookie. */
  readonly origins: readonly string[];
  readonly onError: (error: unknown, context: ErrorContext) => void;
}

export function visitorSessions({ store, origins, onError }: VisitorSessionsOptions): VisitorSessions {
  return createSessions({
    store,
    origins,
    onError,
    idleMs: IDLE_MS,
    absoluteMs: ABSOLUTE_MS,
    // Browsers send a cookie to all ports of a host, so every server of the demo gets the same cookie. In production leave the
    // name and Secure at their defaults (`__Host-wsession`). This demo uses plain http on localhost, where not every browser
    // stores Secure cookies.
    token: cookieToken({ name: "wsession-demo", secure: false, sameSite: "Strict" }),
    initial: () => newcomer(),
  });
}

const MOODS = [
  "Quiet",
  "Amber",
  "Early",
  "Gentle",
  "Brisk",
  "Northern",
  "Patient",
  "Silver",
  "Wandering",
  "Merry",
];
const ANIMALS = [
  "Heron",
  "Otter",
  "Lynx",
  "Finch",
  "Badger",
  "Hare",
  "Plover",
  "Marten",
  "Swift",
  "Dormouse",
];

function newcomer(): Visitor {
  return {
    name: `${oneOf(MOODS, "Quiet")} ${oneOf(ANIMALS, "Heron")}`,
    colour: oneOf(COLOURS, "moss"),
    count: 0,
    notes: [],
  };
}

function oneOf<Value>(values: readonly Value[], fallback: Value): Value {
  return values[Math.floor(Math.random() * values.length)] ?? fallback;
}
