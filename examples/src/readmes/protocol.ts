// #region readme
import { parseServerControl, payloadOf, writeCounted } from "@wsession/protocol";
import { defineMessages } from "@wsession/protocol/messages";
import * as z from "zod";

// A frame of v1.wsession: one character, then the message. `=` marks a message that the server acknowledges.
console.log(writeCounted("a bid of 40"), payloadOf("-hello")); // =a bid of 40 hello
console.log(parseServerControl(".+3")); // { type: "applied", number: 3 }: messages 1 to 3 are handled

// Messages with names and types, for page and server.
export const auction = defineMessages({ toServer: { bid: z.object({ amount: z.number() }) } });
// #endregion
