/** Sessions live in the memory of this process, and end with it. */
import { mapStore } from "@wsession/core";

export function openStore() {
  return { store: mapStore(), close: async (): Promise<void> => {} };
}

export type Store = ReturnType<typeof openStore>["store"];
