import { after } from "./environment.ts";

const ANSWER_MS = 5_000;
/** If a timer fires later than this, the page was frozen or the machine was asleep. */
const LATE_MS = 1_000;
/** The most late timers in a row that are ignored. In a background tab every timer may be late. */
const MAX_EXCUSES = 3;

export interface Liveness {
  silenceMs: number;
  heard(): void;
  /** Called after an event that may have cut the connection. Probes now, unless a frame arrived within LATE_MS. */
  doubt(): void;
  stop(): void;
}

/**
 * Detects a dead connection. Probes the server after a silence, and calls `dead` if no answer arrives. After the process was
 * paused, timers fire before the socket's received data is read. So a late timer only probes again.
 *
 * @param ask sends a probe, which a live server answers
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
