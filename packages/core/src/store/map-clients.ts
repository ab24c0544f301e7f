import { WINDOW_MESSAGES } from "@wsession/protocol";
import { randomInt } from "node:crypto";
import type { CommitNumbers, CommitResult } from "./commit-contract.ts";
import type { ClientRecord, ClientRecords } from "./stored-session.ts";

const MAX_CLIENTS = 8;
const BEFORE_FIRST: ClientRecord = { settled: 0, refused: [], floor: 1 };

interface Clients {
  /** Ordered by the time at which each client last settled a number. The first client is dropped first. */
  readonly byClient: Map<string, ClientRecord>;
  mark: number;
}

/** The records of settled numbers that a map store keeps for each session. A session without records costs nothing. */
export class MapClients {
  readonly #byId = new Map<string, Clients>();

  /** A copy, because the records change with the next commit. */
  of(id: string): ClientRecords | undefined {
    const clients = this.#byId.get(id);
    return clients && { byClient: new Map(clients.byClient), mark: clients.mark };
  }

  /** Returns why the numbers can't be settled; `undefined` if they can. */
  refusal(
    id: string,
    { client, number, settled, mark }: CommitNumbers,
  ): Extract<CommitResult, { type: "settled" | "forgotten" | "behind" }> | undefined {
    const clients = this.#byId.get(id);
    const record = clients?.byClient.get(client);
    const markNow = clients?.mark ?? 0;
    if (record !== undefined && number < record.floor) return { type: "forgotten", mark: markNow };
    if (record !== undefined && number <= record.settled) return { type: "settled", record };
    if (record === undefined && mark !== markNow) return { type: "forgotten", mark: markNow };
    const last = record?.settled ?? 0;
    return last < settled ? { type: "behind", settled: last } : undefined;
  }

  settle(id: string, { client, first, number, refused }: CommitNumbers): ClientRecord {
    const clients = this.#byId.get(id) ?? { byClient: new Map<string, ClientRecord>(), mark: 0 };
    this.#byId.set(id, clients);
    const before = clients.byClient.get(client) ?? { ...BEFORE_FIRST, floor: first };
    // Keep the outcomes that the record has already: another connection of the client settled them.
    const added = refused.filter((one) => one > before.settled);
    const inWindow = [...before.refused, ...added].filter((one) => one > number - WINDOW_MESSAGES);
    const record = { settled: number, refused: inWindow, floor: before.floor };
    clients.byClient.delete(client);
    clients.byClient.set(client, record);
    if (clients.byClient.size > MAX_CLIENTS) forgetOldest(clients);
    return record;
  }

  /**
   * The session has a new subject: drops the records of the former subject's clients, and changes the mark, also if there is no record.
   * Otherwise the first commit of a former client would change the new subject's session.
   */
  clear(id: string): void {
    const mark = anotherMark(this.#byId.get(id)?.mark ?? 0);
    this.#byId.set(id, { byClient: new Map(), mark });
  }

  /** Drops the records of a session that is gone. */
  delete(id: string): void {
    this.#byId.delete(id);
  }
}

function forgetOldest(clients: Clients): void {
  for (const oldest of clients.byClient.keys()) {
    clients.byClient.delete(oldest);
    clients.mark = anotherMark(clients.mark);
    return;
  }
}

function anotherMark(mark: number): number {
  const drawn = randomInt(1, 2 ** 31);
  return drawn === mark ? anotherMark(mark) : drawn;
}
