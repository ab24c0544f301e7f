/** What the page says about what the library just did. */

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
  return MEANINGS.get(code) ?? "no meaning agreed on";
}

/**
 * @param {string} server
 * @returns {Saying}
 */
export function fresh(server) {
  return {
    title: `A fresh session, through ${server}`,
    text: "No token opened a session, so `initial` made one before the handshake was answered. The 101 set an HttpOnly cookie with its token, and the server keeps only a hash of it.",
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
      title: "The same session, with a new token",
      text: "`session.rotate()` replaced the token. An open socket can't set an HttpOnly cookie, so the page came back with a renewal code, good once, and the 101 set the new cookie.",
    };
  }
  const other = previous !== undefined && previous !== server;
  return {
    title: other
      ? `Back in the same session, through ${server} instead of ${previous}`
      : `Back in the same session, through ${server}`,
    text: `The browser showed its cookie at the handshake. The token's hash matched, so the session was attached, at version ${version}, before the 101 was sent: no message can arrive without it.`,
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
        ? "`patch` wrote this one field and no other, so a change that another tab makes to another field can't be lost."
        : "`update` applied the change to the data as it is now, atomically. Had another writer come first, it would have run again on their result.",
  };
}

/**
 * @param {number} version
 * @returns {Saying}
 */
export function changed(version) {
  return {
    title: `Changed elsewhere: now version ${version}`,
    text: "Another connection of this session wrote. The `change` handler was called for every connection but the writer's, with the new data in memory already.",
  };
}

/**
 * @param {number} code
 * @param {{ readonly killed: boolean, readonly process: number, readonly several: boolean }} how
 * @returns {Saying}
 */
export function closed(code, { killed, process, several }) {
  const back = several ? "Come back through any of them." : "Come back through either server.";
  if (killed) {
    return {
      title: `Process ${process} is dead, your session is not`,
      text: `It got SIGKILL and could save nothing on its way out. It did not have to: what was acknowledged is in Redis. ${back}`,
    };
  }
  switch (code) {
    case 1005:
    case 1006:
      return {
        title: "The connection is gone, the session is not",
        text: `The socket was cut without a closing handshake. \`close\` saw the session as it was, and the store keeps it until its idle deadline. ${back}`,
      };
    case 1012:
      return {
        title: "The server is going down, in order",
        text: "`sessions.close()` stopped admission, settled the writes under way, and closed every connection with 1012.",
      };
    case 4410:
      return {
        title: "The session is destroyed",
        text: "It is gone from the store and each of its connections was closed with 4410. Late writes and its old token are refused, so nothing can bring it back. Connect again for a fresh one.",
      };
    case 4419:
      return {
        title: "The session has expired",
        text: "A deadline passed, so the store let go of it and its connections were closed with 4419. Connect again for a fresh one.",
      };
    case 4503:
      return {
        title: "The session store can't be reached",
        text: "Newcomers are refused until it is back; nothing is guessed meanwhile.",
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
    text: "It is down, still starting, or refused the handshake: with 503 if the session store can't be reached. Try again, or another server.",
  };
}

/**
 * @param {{ readonly code: string, readonly outcome?: string | undefined }} failure
 * @returns {Saying}
 */
export function failed({ code, outcome }) {
  const known =
    outcome === "not-applied"
      ? "It was not applied, and will not be."
      : outcome === "unknown"
        ? "It may have been applied, at most once: the library says so rather than guess."
        : "";
  return {
    title: `Not saved: ${code}`,
    text: `The write was rejected with a typed error. ${known} The connection stays, and what is in memory can still be read.`,
  };
}
