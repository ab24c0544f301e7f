/** The texts of the panel "What just happened". */

/** @typedef {{ readonly title: string, readonly text: string }} Saying */

/** Close codes: RFC 6455 section 7.4, and wsession's own, which are HTTP statuses + 4000. */
const MEANINGS = new Map([
  [1000, "closed normally"],
  [1001, "going away"],
  [1005, "closed without a code"],
  [1006, "dropped: no closing handshake"],
  [1011, "a handler failed"],
  [1012, "the server restarts"],
  [1013, "too many messages waited"],
  [4401, "a session is needed, or the token was refused"],
  [4403, "origin or admission refused"],
  [4408, "the session was not set in time"],
  [4409, "replaced by a newer connection"],
  [4410, "the session was destroyed"],
  [4413, "too many messages before the session was set"],
  [4419, "the session expired"],
  [4503, "the session store can't be reached"],
]);

/**
 * @param {number} code
 * @returns {string}
 */
export function meaningOf(code) {
  return MEANINGS.get(code) ?? "unknown close code";
}

/** @param {import("../src/messages.ts").Endpoint["runtime"]} runtime */
export function runtimeName(runtime) {
  return runtime === "ws" ? "ws" : "uWebSockets.js";
}

/**
 * @param {import("./diagram.js").Phase} phase
 * @param {string} server
 * @param {boolean} hadSession
 * @returns {string}
 */
export function status(phase, server, hadSession) {
  const texts = {
    loading: "Loading",
    connecting: `Connecting through ${server}`,
    open: `Connected through ${server}`,
    dropped: "Not connected",
    ended: hadSession ? "Session ended" : "Not connected",
  };
  return texts[phase];
}

/**
 * @param {{ readonly connections: number, readonly processes: number, readonly missing: number }} report
 * @param {boolean} isShared Whether several processes share the sessions.
 * @returns {string}
 */
export function presence({ connections, processes, missing }, isShared) {
  const tabs = `${connections} ${connections === 1 ? "connection" : "connections"}`;
  const where = isShared ? ` on ${processes} ${processes === 1 ? "process" : "processes"}` : "";
  const gone = missing === 0 ? "" : `, ${missing} not answering`;
  return `${tabs}${where}${gone}`;
}

/**
 * @param {string} server
 * @returns {Saying}
 */
export function fresh(server) {
  return {
    title: `A new session, through ${server}`,
    text: "The browser had no valid token, so `initial` created a session before the handshake was answered. The answer 101, which opens a WebSocket, set a cookie with the token that scripts can't read. The server stores only a hash of the token.",
  };
}

/**
 * @param {string} server
 * @param {string | undefined} previous
 * @param {number} version
 * @param {boolean} renewed
 * @returns {Saying}
 */
export function resumed(server, previous, version, renewed) {
  if (renewed) {
    return {
      title: "The same session has a new token",
      text: "`session.rotate()` replaced the token. An open socket can't set a cookie that scripts can't read. So the page connected again with a code for a single use, and the answer 101 set the new cookie.",
    };
  }
  const other = previous !== undefined && previous !== server;
  return {
    title: other
      ? `Same session, through ${server} instead of ${previous}`
      : `Back in the same session, through ${server}`,
    text: `The browser sent its cookie with the handshake. The token's hash matched, so the server attached the session, at version ${version}, before the answer 101 opened the WebSocket. So every message has a session.`,
  };
}

/**
 * @param {string} user
 * @returns {Saying}
 */
export function loggedIn(user) {
  return {
    title: `Logged in as ${user}`,
    text: "`session.identify()` gave the session a user and a new token. Older tokens, which somebody else may have, are no longer valid. The page connected again with a code for a single use, and the answer 101 set the new cookie. Log in as the same user in another browser, and log out everywhere.",
  };
}

/**
 * @param {number} inMs
 * @returns {Saying}
 */
export function expires(inMs) {
  return {
    title: `The session expires in ${inMs / 1_000} seconds`,
    text: "`session.extend({ expiresAt })` moved the deadline, as the `exp` of a JWT would. The deadline is in the store, so it applies in every process. The session also ends if this process dies before the deadline.",
  };
}

/**
 * @param {{ readonly number: number, readonly of: number }} letter
 * @param {boolean} replayed
 * @returns {Saying}
 */
export function letter({ number, of }, replayed) {
  return replayed
    ? {
        title: `Kept message ${number} of ${of}`,
        text: "These messages were sent while this page had no connection. The store kept them with the session, and the client requested the messages that it had not read. Each message arrived once, in order.",
      }
    : {
        title: `Message ${number} of ${of}`,
        text: "Another tab of this session was dropped. This tab is connected, so the message arrives at once.",
      };
}

/**
 * @param {"patch" | "update"} method
 * @param {number} version
 * @returns {Saying}
 */
export function written(method, version) {
  return {
    title: `Saved as version ${version}`,
    text:
      method === "patch"
        ? "`patch` wrote only this field, so a simultaneous change of another field by another tab is not lost."
        : "`update` applied the change atomically to the current data. If another writer had been first, the change would have run again on the new data.",
  };
}

/**
 * @param {number} version
 * @returns {Saying}
 */
export function changed(version) {
  return {
    title: `Another connection changed the session: now version ${version}`,
    text: "Another connection of this session changed the data. The server called the `change` handler of every other connection with the new data.",
  };
}

/**
 * @param {number} process
 * @param {string} server
 * @returns {Saying}
 */
export function survived(process, server) {
  return {
    title: `Process ${process} was killed, and your session was kept`,
    text: `SIGKILL ended the process at once, without a chance to save data. Nothing is lost, because every acknowledged change is in Redis. The client came back by itself, through ${server}.`,
  };
}

/**
 * @param {number} code
 * @param {number | undefined} killed the process that this page has killed
 * @returns {Saying}
 */
export function closed(code, killed) {
  const back = "The client connects again by itself, through another server where there is one.";
  if (killed !== undefined) {
    return { title: `Process ${killed} was killed`, text: `SIGKILL ended the process at once. ${back}` };
  }
  switch (code) {
    case 1005:
    case 1006:
      return {
        title: "The connection was lost, and the session was kept",
        text: `The socket ended without a closing handshake. The \`close\` handler could still read the session, and the store keeps the session until its idle deadline. ${back}`,
      };
    case 1012:
      return {
        title: "The server is shutting down",
        text: "`sessions.close()` refused new connections, waited for pending writes, and closed every connection with 1012, the code of a server that restarts.",
      };
    case 4410:
      return {
        title: "The session is destroyed",
        text: "The store deleted the session, and each of its connections was closed with 4410, wsession's code for a session that is gone. Late writes and the old token are refused, so the session stays destroyed. Connect again for a new session.",
      };
    case 4419:
      return {
        title: "The session has expired",
        text: "A deadline passed, so the store deleted the session, and its connections were closed with 4419, wsession's code for a session that has expired. Connect again for a new session.",
      };
    case 4503:
      return {
        title: "The session store can't be reached",
        text: "New connections are refused until the store answers again.",
      };
    default:
      return {
        title: `The connection was closed with ${code}`,
        text: `That means: ${meaningOf(code)}. ${back}`,
      };
  }
}

/**
 * @param {string} server
 * @returns {Saying}
 */
export function unreachable(server) {
  return {
    title: `${server} did not open a connection`,
    text: "The server is down, is still starting, or refused the handshake (with 503 if the session store can't be reached). The client tries again, at another server where there is one. If the demo has ended, start it again with `npm run demo`.",
  };
}

/**
 * @param {{ readonly code: string, readonly outcome?: string | undefined }} failure
 * @returns {Saying}
 */
export function failed({ code, outcome }) {
  const known =
    outcome === "not-applied"
      ? "The change was not applied, and never will be."
      : outcome === "unknown"
        ? "It is unknown whether the change was applied. It was applied at most once."
        : "";
  return {
    title: `Not saved: ${code}`,
    text: `The write was rejected with a typed error. ${known} The connection stays open, and the session's data can still be read from memory.`,
  };
}
