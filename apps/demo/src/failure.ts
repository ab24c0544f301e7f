/** A reason not to start, or not to go on, that the person at the terminal can do something about. */
export class DemoFailure extends Error {
  override readonly name = "DemoFailure";
}

/** What to say when `port` could not be listened on. */
export function listenFailure(port: number, error: unknown): DemoFailure {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  if (code === "EADDRINUSE") {
    return new DemoFailure(
      `port ${port} is taken (is the demo running already?). Choose another: npm run demo -- --port 4180`,
      { cause: error },
    );
  }
  if (code === "EACCES") {
    return new DemoFailure(`port ${port} may not be used by this user. Choose one above 1023 with --port.`, {
      cause: error,
    });
  }
  return new DemoFailure(`port ${port} can't be listened on (${code}).`, { cause: error });
}
