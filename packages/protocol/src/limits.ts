/** The subprotocol's name. It is not `wsession.…`, since that is the prefix of a token. */
export const SUBPROTOCOL = "v1.wsession";

/**
 * What a client offers before SUBPROTOCOL. A server that does not know the protocol echoes the first subprotocol that it is
 * offered, and is told apart by that.
 */
export const DECOY_SUBPROTOCOL = "none.v1.wsession";

/** Characters of a client id: 96 random bits in base64url. */
export const CLIENT_ID_LENGTH = 16;

/** Numbers of messages, and offsets, end here: Lua's doubles and 14 digits hold them. */
export const MAX_NUMBER = 1_000_000_000_000;

/** Characters of a control frame. */
export const MAX_CONTROL_LENGTH = 1_024;

/** Numbered messages that may be sent and not settled. Lua's doubles shift 48 bits exactly. */
export const WINDOW_MESSAGES = 48;
export const WINDOW_BYTES: number = 256 * 1_024;

/** What a client may send before the server's hello. */
export const EARLY_MESSAGES = 32;
export const EARLY_BYTES: number = 64 * 1_024;
