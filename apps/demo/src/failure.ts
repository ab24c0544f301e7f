/** A reason why the demo can't start or continue, which the user at the terminal can remove. */
export class DemoFailure extends Error {
  override readonly name = "DemoFailure";
}

/** The failure for an error of `listen` on `port`. */
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
