// #region readme
import { cookieToken, createSessions, mapStore } from "@wsession/core";
import { httpSessions } from "@wsession/http";
import express from "express";

const cookie = cookieToken();
const sessions = createSessions({ store: mapStore(), token: cookie, initial: () => ({ visits: 0 }) });
const http = httpSessions(sessions, { cookie });

const app = express();
app.post("/login", async (request, response) => {
  await http.login(request, response, { visits: 0 }, { subject: "ada" }); // after your own check of the password
  response.sendStatus(204);
});
app.get("/me", async (request, response) => {
  const session = await http.open(request); // the session that the sockets of this browser have
  response.json({ user: session?.subject });
});
app.listen(8080);
// #endregion
export { sessions };
