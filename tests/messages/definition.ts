/** A file that page and server share: schemas of three libraries, and one that checks nothing. */
import { unchecked } from "@wsession/protocol";
import { defineMessages } from "@wsession/protocol/messages";
import { type } from "arktype";
import * as v from "valibot";
import { z } from "zod";

export const messages = defineMessages({
  toServer: {
    bid: z.object({ amount: z.string().transform(Number), lot: z.string().default("a") }),
    leave: v.object({
      reason: v.pipe(
        v.string(),
        v.transform((text) => text.length),
      ),
    }),
    typing: type({ on: "boolean", "at?": "string.integer.parse" }),
    ping: unchecked<{ n: number }>(),
    bye: z.void(),
  },
  toClient: {
    sold: z.object({ lot: z.string(), price: z.number().transform(String) }),
    closed: type({ at: "string.date.parse" }),
  },
  refusals: { outbid: z.object({ highest: z.number() }), gone: unchecked<undefined>() },
});
