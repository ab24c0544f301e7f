import { randomUUID } from "node:crypto";
import type { Redis } from "ioredis";

export interface EpochPosition {
  readonly epoch: string;
  readonly offset: number;
}

/** The append of those systems, in one step: the first message creates the epoch, and each message increments the offset. */
const APPEND = `
redis.call('HSETNX', KEYS[1], 'epoch', ARGV[1])
for index = 2, #ARGV do
  redis.call('HINCRBY', KEYS[1], 'offset', 1)
  redis.call('RPUSH', KEYS[2], ARGV[index])
end
return redis.call('HMGET', KEYS[1], 'epoch', 'offset')
`;

/**
 * A log whose positions have an epoch and an offset, the scheme of most systems that replay messages after a reconnect. It
 * exists to show the losses that this scheme can't detect.
 */
export class EpochLog {
  readonly #client: Redis;
  readonly #meta: string;
  readonly #list: string;

  constructor(client: Redis, key: string) {
    this.#client = client;
    this.#meta = `${key}:meta`;
    this.#list = `${key}:list`;
  }

  async append(messages: readonly string[]): Promise<EpochPosition> {
    const answer = await this.#client.eval(APPEND, 2, this.#meta, this.#list, randomUUID(), ...messages);
    return position(answer);
  }

  /** The answer to a client that returns with a position. */
  async recover({
    epoch,
    offset,
  }: EpochPosition): Promise<{ readonly recovered: boolean; readonly messages: readonly string[] }> {
    const now = position(await this.#client.hmget(this.#meta, "epoch", "offset"));
    if (now.epoch !== epoch || now.offset < offset) return { recovered: false, messages: [] };
    return { recovered: true, messages: await this.#client.lrange(this.#list, offset, -1) };
  }
}

function position(answer: unknown): EpochPosition {
  const [epoch, offset]: readonly unknown[] = Array.isArray(answer) ? answer : [];
  return { epoch: String(epoch), offset: Number(offset) };
}
