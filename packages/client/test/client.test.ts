import { connect } from "@wsession/client";
import { testClient } from "@wsession/conformance";
import { WebSocket } from "ws";

testClient("@wsession/client, with ws", {
  connect: (url, options) => connect(url, { ...options, WebSocket }),
});
