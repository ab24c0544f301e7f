import { socketioDeploy } from "./deploy/socketio.ts";
import { wsessionDeploy } from "./deploy/wsession.ts";
import { startRedis } from "./kit/redis.ts";
import { readOptions, report, single } from "./kit/report.ts";
import type { Figure } from "./kit/report.ts";

// Three processes behind nginx are restarted one by one, while messages go both ways. The quick form has neither nginx nor
// Socket.IO. `--rounds 0.1` runs a tenth of the clients. `npm run bench:deploy` installs nginx.

process.env["NODE_ENV"] = "production";
const options = readOptions();
const size = {
  clients: options.quick ? 20 : Math.max(20, Math.round(2_000 * options.rounds)),
  perSecond: 200,
  drainMs: options.quick ? 1_000 : 10_000,
  nginx: !options.quick,
};

const redis = await startRedis();
try {
  const own = await wsessionDeploy(redis.port, size);
  const figures: Figure[] = [
    { field: "deployLost", value: single(own.lost), target: { atMost: 0 }, what: "messages lost", digits: 0 },
    {
      field: "deployDoubled",
      value: single(own.doubled),
      target: { atMost: 0 },
      what: "messages doubled",
      digits: 0,
    },
    {
      field: "deployGapP99Ms",
      value: single(own.moves.gapP99Ms),
      target: { atMost: 250 },
      what: `without a live connection at a move, 99th percentile of ${own.moves.gaps.length} moves`,
      digits: 1,
    },
    {
      field: "deployBusiestTenth",
      value: single(own.moves.busiest),
      what: "part of a restart's moves in the busiest tenth of drainMs; 0.2 if spread evenly over its half",
      digits: 2,
    },
  ];
  if (!options.quick) {
    const theirs = await socketioDeploy(redis.port, size);
    figures.push(
      {
        field: "socketioDeployLost",
        value: single(theirs.lost),
        what: "Socket.IO: messages lost",
        digits: 0,
      },
      {
        field: "socketioDeployDoubled",
        value: single(theirs.doubled),
        what: "Socket.IO: messages doubled",
        digits: 0,
      },
      {
        field: "socketioDeployGapP99Ms",
        value: single(theirs.moves.gapP99Ms),
        what: `Socket.IO: without a connection, 99th percentile of ${theirs.moves.gaps.length} reconnects`,
        digits: 1,
      },
      {
        field: "socketioDeployBusiestTenth",
        value: single(theirs.moves.busiest),
        what: "Socket.IO: part of a restart's reconnects in the busiest second",
        digits: 2,
      },
    );
  }
  report(
    `${size.clients} clients, ${size.perSecond} messages a second each way, drainMs ${size.drainMs}`,
    figures,
    options,
  );
} finally {
  await redis.stop();
}
process.exit();
