/**
 * Counters since `createSessions`. No value names a client, a session or its data, so that all of them may be exported as
 * metrics.
 */
export interface Diagnostics {
  /**
   * Handshakes that are being decided now, and handshakes that were refused by a close code and whose socket has not ended. This value
   * may fall; all others only rise.
   */
  handshakesPending: number;
  /** Handshakes that became a connection. */
  handshakesAccepted: number;
  /**
   * Handshakes that were refused, by a status or by a close code that carries the refusal. A handshake that comes after `close` of its
   * binding has settled is not counted, because nothing of the binding is left then.
   */
  handshakesRefused: number;
  /** Handshakes that were refused because the option `origins` does not allow their Origin. `handshakesRefused` counts them too. */
  originsRefused: number;
  /** Handshakes that were admitted, but whose client had gone before the answer. */
  handshakesAbandoned: number;
  /** Connections that were opened, also those that ended before their handler `open`. */
  connectionsOpened: number;
  /** Opened connections that have ended: `connectionsOpened - connectionsClosed` of them are live. */
  connectionsClosed: number;
  /**
   * Messages that waited when this side ended their connection, and messages that came during a shutdown after their connection's
   * turn to end (I4). A message that comes after the close frame is not counted, because uWebSockets.js and Bun drop such a message.
   */
  messagesDiscarded: number;
  /** Messages that were refused as invalid: the message handler threw a TransactionRefused of the code INVALID_MESSAGE. */
  messagesRefused: number;
  /**
   * Messages that no handler took: plain messages of `v1.wsession` to a server without `message`, numbered messages to a server
   * with neither `message` nor `transaction`, and other messages to a server that has `transaction` alone. `onError` gets the first
   * one of each `bindSessions`.
   */
  messagesUnhandled: number;
  /** Protocol errors of clients, and errors of their networks: reports of the stage `client`. */
  clientErrors: number;
  /**
   * Failures of handlers, and of unawaited calls, whose only cause is the end of the connection or of its session, or a session
   * that was not set in time. `onError` is not called for these, because clients cause them by leaving.
   */
  handlersCutShort: number;
  /** Calls of `send` that were answered with `"dropped"`. */
  sendsDropped: number;
  /** Connections that were closed with 4413 or 1013 because too many messages or bytes waited. */
  limitsExceeded: number;
  /** Sessions that this process created. */
  sessionsCreated: number;
  /** How often a client came back to its session. */
  sessionsResumed: number;
  /** Well-formed tokens whose verifier was wrong. */
  tokensWrong: number;
  /** Tokens that do not have a token's form. */
  tokensMalformed: number;
  /** Tokens of no session: the session expired, was destroyed, or never existed. */
  tokensUnknown: number;
  /** Tokens that were right, but of a session of another subject than `admit` named. */
  tokensForeign: number;
  /** Tokens that `rotate` or a renewal had replaced, presented after their grace: a sign of theft. */
  tokensStolen: number;
  /** Writes that were sent to the store; `conflicts` counts those that the store answered with a conflict. */
  writes: number;
  /** Answers of the store that another write was first. A write with a conflict is tried again. */
  conflicts: number;
  /** Commits of the handler `transaction` that the store has acknowledged. */
  transactions: number;
  /** Numbered messages that changed nothing because the handler `transaction` failed, or refused them. */
  transactionsRefused: number;
  /** The largest number of tries that one write needed. */
  writeTriesMax: number;
  /** Announced changes that did not directly follow the version here, so that the session was read again. */
  rereads: number;
  /**
   * Losses of acknowledged changes that answers of the store have shown, after a failover or a restart. The process then
   * continues with the data of the store.
   */
  storeLosses: number;
}

export function newDiagnostics(): Diagnostics {
  return {
    handshakesPending: 0,
    handshakesAccepted: 0,
    handshakesRefused: 0,
    originsRefused: 0,
    handshakesAbandoned: 0,
    connectionsOpened: 0,
    connectionsClosed: 0,
    messagesDiscarded: 0,
    messagesRefused: 0,
    messagesUnhandled: 0,
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
    transactions: 0,
    transactionsRefused: 0,
    writeTriesMax: 0,
    rereads: 0,
    storeLosses: 0,
  };
}
