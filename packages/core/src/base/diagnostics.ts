/** Counters since the start of one `Sessions`. No value names a client, a session or its data. */
export interface Diagnostics {
  /** Handshakes that are being decided now. */
  handshakesPending: number;
  handshakesAccepted: number;
  handshakesRefused: number;
  /** Admitted, but the client had gone before the answer. */
  handshakesAbandoned: number;
  connectionsOpened: number;
  connectionsClosed: number;
  /** Messages that waited when their connection ended by our side, or that came after (I4). */
  messagesDiscarded: number;
  /** Messages that were refused as invalid: the message handler threw a TransactionRefused of the code INVALID_MESSAGE. */
  messagesRefused: number;
  /** Protocol errors of clients, and errors of their networks: the stage `client`. */
  clientErrors: number;
  /**
   * Handlers, and calls that nobody awaited, that failed only because their connection or its session had ended, or because
   * the session was not set in time. Nobody is told: it is what clients do when they leave.
   */
  handlersCutShort: number;
  /** `send` calls answered with "dropped". */
  sendsDropped: number;
  /** Connections closed with 4413 or 1013. */
  limitsExceeded: number;
  sessionsCreated: number;
  sessionsResumed: number;
  /** Well-formed tokens whose verifier was wrong. */
  tokensWrong: number;
  /** Tokens that do not have a token's form. */
  tokensMalformed: number;
  /** Tokens of no session: expired, destroyed, or never issued. */
  tokensUnknown: number;
  /** Right tokens, but `admit` said a subject and the session is not that subject's. */
  tokensForeign: number;
  /** Previous verifiers presented after their grace. */
  tokensStolen: number;
  /** Writes sent to the store, and those it answered with a conflict. */
  writes: number;
  conflicts: number;
  /** The most tries that one write needed. */
  writeTriesMax: number;
  /** Announcements that did not fit the version here, so that the session was read again. */
  rereads: number;
  /** Answers by which the store had lost what it had acknowledged, in a failover or a restart; the session goes on from there. */
  storeLosses: number;
}

export function newDiagnostics(): Diagnostics {
  return {
    handshakesPending: 0,
    handshakesAccepted: 0,
    handshakesRefused: 0,
    handshakesAbandoned: 0,
    connectionsOpened: 0,
    connectionsClosed: 0,
    messagesDiscarded: 0,
    messagesRefused: 0,
    clientErrors: 0,
    handlersCutShort: 0,
    sendsDropped: 0,
    limitsExceeded: 0,
    sessionsCreated: 0,
    sessionsResumed: 0,
    tokensWrong: 0,
    tokensMalformed: 0,
    tokensUnknown: 0,
    tokensForeign: 0,
    tokensStolen: 0,
    writes: 0,
    conflicts: 0,
    writeTriesMax: 0,
    rereads: 0,
    storeLosses: 0,
  };
}
