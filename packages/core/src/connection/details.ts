/**
 * The members of a connection that few connections need. Created on demand, because fields for them would cost memory on every
 * connection.
 */
export class ConnectionDetails {
  /** The transport's data, or the transport record. */
  transport: unknown;
  /** The application's own record of the connection. */
  context: unknown = undefined;

  constructor(transport: unknown) {
    this.transport = transport;
  }
}
