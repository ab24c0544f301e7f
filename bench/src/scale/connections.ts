import { measurePairs } from "../kit/pairs.ts";
import { openMany, RawConnection } from "../kit/raw-connection.ts";
import { progress } from "../kit/report.ts";
import type { Figure, Options } from "../kit/report.ts";
import { Rotation } from "../kit/rotation.ts";
import { ServerProcess } from "../kit/server-process.ts";
import { ratio } from "../kit/stats.ts";

/**
 * The ratio of the CPU time per message with many live connections to that with few. All connections take turns. Also for the
 * bare runtimes.
 */
export async function measureConnectionsGrowth(options: Options): Promise<Figure[]> {
  const [few, many] = options.quick ? [50, 300] : [500, 15_000];
  const what = `CPU per message with ${many} live connections over ${few}`;
  const figure = async (field: string, subject: string, of: string): Promise<Figure> => {
    const value = await grow(subject, few, many, options);
    return { field, value, what: `${what}, ${of}` };
  };
  const target = { atMost: 1.3 };
  return [
    { ...(await figure("connectionsGrowth", "wsession-ws", "adapter-ws")), target },
    await figure("bareConnectionsGrowth", "bare-ws", "bare ws"),
    { ...(await figure("uwsConnectionsGrowth", "wsession-uws", "adapter-uws")), target },
    await figure("bareUwsConnectionsGrowth", "bare-uws", "bare uWS"),
  ];
}

async function grow(
  name: string,
  few: number,
  many: number,
  options: Options,
): Promise<ReturnType<typeof ratio>> {
  const rounds = options.quick ? 2 : Math.max(2, Math.round(40 * options.rounds));
  const messages = options.quick ? 2_000 : 30_000;
  const start = async (count: number) => {
    const server = await ServerProcess.start("echo", { args: [name] });
    const connections = await openMany(count, () => RawConnection.open({ port: server.port }));
    return { server, connections, load: new Rotation(connections, few) };
  };
  const sides = [await start(few), await start(many)] as const;
  for (const { load } of sides) await load.run(2 * messages);
  const [ofFew, ofMany] = await measurePairs(sides, rounds, async ({ server, load }) => {
    const before = await server.cpu();
    await load.run(messages);
    return ((await server.cpu()) - before) / messages;
  });
  for (const { server, connections } of sides) {
    for (const connection of connections) connection.destroy();
    await server.stop();
  }
  progress(`${name}: ${few} and ${many} connections`);
  return ratio(ofMany, ofFew);
}
