import { testAdapter } from "@wsession/conformance";
import { uwsHarness } from "./servers.ts";

testAdapter("uWebSockets.js", uwsHarness());
