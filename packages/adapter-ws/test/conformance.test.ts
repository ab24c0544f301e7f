import { testAdapter } from "@wsession/conformance";
import { wsHarness } from "./servers.ts";

testAdapter("ws, made with `port`", wsHarness("port"));
testAdapter("ws, made with `server`", wsHarness("server"));
testAdapter("ws, made with `noServer`", wsHarness("noServer"));
