/** The store in this process's memory: sessions end with the process. */
import { mapStore } from "@wsession/core";

export function openStore() {
  return { store: mapStore(), close: async (): Promise<void> => {} };
}

export type Store = ReturnType<typeof openStore>["store"];
