/** The result of one check. */
export interface Finding {
  /** `problem`: the store can't work, or may lose sessions. `note`: something is missing that not every application needs. */
  readonly level: "ok" | "note" | "problem";
  /** What was checked. */
  readonly topic:
    | "connection"
    | "cluster"
    | "version"
    | "role"
    | "policy"
    | "rights"
    | "channels"
    | "clock"
    | "bus";
  /** `host:port` on a Cluster; "" for a single server. */
  readonly server: string;
  /** What was found, as a sentence for the operator. */
  readonly message: string;
  /** What the operator should do. Only for `problem` and `note`. */
  readonly remedy: string | undefined;
}

/** The result of `check`. */
export interface CheckReport {
  /** Whether there is no problem. */
  readonly ok: boolean;
  /** What each check found, also where all is well. */
  readonly findings: readonly Finding[];
}

type Rest = Pick<Finding, "topic" | "message"> & { readonly server?: string };

export function fine({ topic, message, server = "" }: Rest): Finding {
  return { level: "ok", topic, server, message, remedy: undefined };
}

export function note(rest: Rest, remedy: string): Finding {
  return { ...fine(rest), level: "note", remedy };
}

export function problem(rest: Rest, remedy: string): Finding {
  return { ...fine(rest), level: "problem", remedy };
}
