/** The first message of servers with sessions on each connection. */
export interface Greeting {
  readonly id: string;
  readonly token: string | undefined;
  readonly resumed: boolean;
  readonly visits: number;
}

export function readGreeting(text: string): Greeting {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null) throw new Error("no greeting");
  const field = (name: string): unknown => Object.entries(value).find(([key]) => key === name)?.[1];
  const token = field("token");
  return {
    id: String(field("id")),
    token: typeof token === "string" ? token : undefined,
    resumed: field("resumed") === true,
    visits: Number(field("visits")),
  };
}
