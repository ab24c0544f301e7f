import type { Calls } from "./calls.ts";
import type { Connection } from "./connection.ts";
import type { Gate } from "./gate.ts";
import type { Keys } from "./keys.ts";
import type { Liveness } from "./liveness.ts";
import type { Settings } from "./options.ts";
import type { Shards } from "./shards.ts";

/** What the parts of one store share. */
export interface Services {
  readonly connection: Connection;
  readonly settings: Settings;
  readonly calls: Calls;
  readonly gate: Gate;
  readonly keys: Keys;
  /** This process's name, new at each start: as a holder, as a writer, and on its channel. */
  readonly node: string;
  readonly liveness: Liveness;
  /** The server that a session is on, by any name. */
  readonly serverOf: (id: string) => string;
  readonly shards: Shards;
  readonly nextSequence: () => number;
}
