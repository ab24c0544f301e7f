/**
 * How long a store of a bench waits for Redis. With the default of two seconds a bench ends with an error if the machine stalls one of its
 * processes.
 */
export const PATIENCE_MS = 30_000;
