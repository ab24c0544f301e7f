import { startTimer } from "./environment.ts";

const ANSWER_MS = 5_000;
/** If a timer fires later than this, the page was frozen or the machine was asleep. */
const LATE_MS = 1_000;
/** The most late timers in a row that are ignored. In a background tab every timer may be late. */
const MAX_LATE_TIMERS = 3;

export interface Liveness {
  silenceMs: number;
  onFrame(): void;
  /**
   * Called after an event that may have cut the connection. Probes at once, unless a frame arrived within LATE_MS or a probe waits
   * for its answer: events that keep coming must not extend the time limit of the answer.
   */
  probe(): void;
  /** Ends the timers. Later calls of `probe` do nothing. */
  stop(): void;
}

/**
 * Detects a dead connection. Probes the server after a silence, and calls `onDead` if no answer arrives. After the process was
 * paused, timers fire before the socket's received data is read. So a late timer only probes again.
 *
 * @param sendProbe sends a probe, which a live server answers
 */
export function watchLiveness(silenceMs: number, sendProbe: () => void, onDead: () => void): Liveness {
  /** 0 while a probe waits for its answer, and after `stop`. */
  let lastFrameAt = Date.now();
  let lateTimers = 0;
  let stop: () => void = () => {};
  const liveness: Liveness = {
    silenceMs,
    onFrame() {
      lastFrameAt = Date.now();
      lateTimers = 0;
    },
    probe() {
      // Also if the clock was set back: then the last frame lies in the future.
      if (lastFrameAt && Math.abs(Date.now() - lastFrameAt) > LATE_MS) probeNow();
    },
    stop() {
      stop();
      lastFrameAt = 0;
    },
  };
  const wait = (): void => {
    const rest = liveness.silenceMs - Math.abs(Date.now() - lastFrameAt);
    if (rest > 0) stop = startTimer(rest, wait);
    else probeNow();
  };
  const probeNow = (): void => {
    stop();
    sendProbe();
    // Not compared with the time of the probe: if the clock was set back, an older frame would count as the answer.
    lastFrameAt = 0;
    const probedAt = Date.now();
    stop = startTimer(ANSWER_MS, () => {
      if (lastFrameAt) wait();
      else if (Date.now() - probedAt < ANSWER_MS + LATE_MS || lateTimers++ === MAX_LATE_TIMERS) onDead();
      else probeNow();
    });
  };
  wait();
  return liveness;
}
