// #region definition
// auction.ts: page and server import this file
import { defineMessages } from "@wsession/protocol/messages";
import * as z from "zod";

export const auction = defineMessages({
  toServer: {
    bid: z.object({ lot: z.string(), amount: z.number().positive() }),
  },
  toClient: {
    highest: z.object({ lot: z.string(), amount: z.number() }),
    closes: z.object({ at: z.iso.datetime().transform((text) => new Date(text)) }),
  },
});
// #endregion
