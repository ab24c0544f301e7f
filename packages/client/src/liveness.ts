import { after } from "./environment.ts";

const ANSWER_MS = 5_000;
/** A timer that is later than this says that the page was frozen, or the machine asleep. */
const LATE_MS = 1_000;
/** How often in a row a late timer is excused: one of a background tab may be late each time. */
const MAX_EXCUSES = 3;

export interface Liveness {
  silenceMs: number;
  heard(): void;
  /** Something happened that may have cut the connection: asks now, unless the server was heard just now. */
  doubt(): void;
  stop(): void;
}

/**
 * Finds out that a connection is dead. After a silence it asks, and a silence that lasts is the end. After a standstill of
 * this process timers run before what the socket has received, so a late timer asks again and concludes nothing.
 *
 * @param ask makes a server that is alive say something
 */
export function watchLiveness(silenceMs: number, ask: () => void, dead: () => void): Liveness {
  let heardAt = Date.now();
  let excuses = 0;
  let stop: () => void = () => {};
  const liveness: Liveness = {
    silenceMs,
    heard() {
      heardAt = Date.now();
      excuses = 0;
    },
    doubt() {
      if (Date.now() - heardAt > LATE_MS) askNow();
    },
    stop: () => stop(),
  };
  const wait = (): void => {
    const rest = heardAt + liveness.silenceMs - Date.now();
    if (rest > 0) stop = after(rest, wait);
    else askNow();
  };
  const askNow = (): void => {
    stop();
    ask();
    const asked = Date.now();
    stop = after(ANSWER_MS, () => {
      if (heardAt >= asked) wait();
      else if (Date.now() - asked < ANSWER_MS + LATE_MS || excuses++ === MAX_EXCUSES) dead();
      else askNow();
    });
  };
  wait();
  return liveness;
}
