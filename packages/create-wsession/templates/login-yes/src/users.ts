/** The users. Put your own in place of this file: a table with hashed passwords, or an identity provider. */

/** Resolves with the user's name; with `undefined` if the name or the password is wrong. */
export async function checkPassword(body: unknown): Promise<string | undefined> {
  if (typeof body !== "object" || body === null) return undefined;
  const { name, password } = body as { name?: unknown; password?: unknown };
  return name === "ada" && password === "lovelace" ? "ada" : undefined;
}
