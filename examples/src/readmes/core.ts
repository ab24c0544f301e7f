// #region readme
import { createSessions, mapStore } from "@wsession/core";

const sessions = createSessions({ store: mapStore(), initial: () => ({ visits: 0 }) });

const { session, token } = await sessions.create({ visits: 0 }, { subject: "ada" });
await session.update(({ visits }) => ({ visits: visits + 1 })); // changes the newest data: no concurrent write is lost

const [same] = await sessions.bySubject("ada");
console.log(token.startsWith(session.id), same?.data.visits); // true 1
console.log(await sessions.destroySubject("ada", "logged out")); // each socket of ada closes with 4410
// #endregion
export { sessions };
