/** The texts of "Count to 100". */

/** @typedef {{ readonly outcome: "open" | "right" | "wrong", readonly text: string }} Verdict */

const PRESSES = 100;

/** @param {boolean} isMortal */
export function breaking(isMortal) {
  return isMortal
    ? "SIGKILL to the process, in the middle of a message"
    : "Both connections are cut, in the middle of a message";
}

/**
 * @param {{ settled: number, count: number, isSure: boolean, refused: ReadonlyMap<string, number>, answers: ReadonlyMap<number, number> }} counting
 * @param {boolean} isConnected
 * @returns {Verdict}
 */
export function exact({ settled, count, isSure, refused, answers }, isConnected) {
  if (!isSure) return running(isConnected, settled === PRESSES);
  const notCounted = [...refused.values()].reduce((sum, each) => sum + each, 0);
  const isOnce = answers.size === PRESSES && [...answers.values()].every((times) => times === 1);
  if (notCounted > 0) {
    const codes = [...refused.keys()].join(", ");
    return {
      outcome: "open",
      text: `Stopped: ${notCounted} of ${PRESSES} messages ended with ${codes}, and the page got these codes.`,
    };
  }
  if (count !== PRESSES) return { outcome: "wrong", text: `Wrong: ${difference(count)}.` };
  return isOnce
    ? { outcome: "right", text: "Right: each message was counted once, and each answer came once." }
    : { outcome: "wrong", text: `Each message was counted once, but ${answers.size} were answered.` };
}

/**
 * @param {{ readonly count: number, readonly unanswered: number, readonly breaks: number, readonly isOpen: boolean }} counting
 * @returns {Verdict}
 */
export function plain({ count, unanswered, breaks, isOpen }) {
  if (unanswered > 0) return running(isOpen, false);
  if (count > PRESSES) {
    return {
      outcome: "wrong",
      text: `Wrong: ${difference(count)}. The answer of a counted message was lost, so the page sent it again.`,
    };
  }
  if (count < PRESSES) return { outcome: "wrong", text: `Wrong: ${difference(count)}.` };
  return breaks === 0
    ? { outcome: "open", text: "Right this time, because the connection held. Count again, and break it." }
    : { outcome: "open", text: "Right this time: the connection broke between two messages." };
}

/** @param {number} count */
function difference(count) {
  return count > PRESSES ? `${count - PRESSES} too many` : `${PRESSES - count} too few`;
}

/**
 * @param {boolean} isConnected
 * @param {boolean} isSettled
 * @returns {Verdict}
 */
function running(isConnected, isSettled) {
  if (!isConnected) return { outcome: "open", text: "Not connected. It connects again by itself." };
  return { outcome: "open", text: isSettled ? "Reading the counter." : "Counting." };
}
