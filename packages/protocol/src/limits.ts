/** The name of the subprotocol. The name does not start with `wsession.`, because that is the prefix of a token. */
export const SUBPROTOCOL = "v1.wsession";

/**
 * A decoy that a client offers before SUBPROTOCOL. Some servers that do not support the protocol echo the first offered
 * subprotocol. The client detects such a server by the decoy.
 */
export const DECOY_SUBPROTOCOL = "none.v1.wsession";

/** Characters of a client id: 96 random bits in base64url. */
export const CLIENT_ID_LENGTH = 16;

/** The highest number of a message, and the highest offset. Lua's doubles and 14 digits represent them exactly. */
export const MAX_NUMBER = 1_000_000_000_000;

/** The most characters of a control frame. */
export const MAX_CONTROL_LENGTH = 1_024;

/** The most numbered messages that a client has sent and that are not settled. A double represents 48 bits exactly. */
export const WINDOW_MESSAGES = 48;
/** The most bytes of these messages together. One message alone may be longer. */
export const WINDOW_BYTES: number = 256 * 1_024;

/** The most messages that a client may send before the server's hello. */
export const EARLY_MESSAGES = 32;
/** The most bytes of these messages together. */
export const EARLY_BYTES: number = 64 * 1_024;
