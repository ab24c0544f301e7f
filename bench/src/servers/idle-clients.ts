// Opens connections and leaves them idle, except for the heartbeat. A separate process, because each process has a limit of file descriptors.
import { serve } from "../kit/child.ts";
import { openMany, RawConnection } from "../kit/raw-connection.ts";

/** Admission waits for Redis within its deadline, on a busy machine too. */
const AT_ONCE = 50;
const [port = "", first = "0"] = process.argv.slice(2);
const connections: RawConnection[] = [];

serve(0, {
  async open(wanted) {
    const from = Number(first) + connections.length;
    const open = (index: number): Promise<RawConnection> =>
      RawConnection.open({ port: Number(port), path: `/user-${from + index}/${from + index}` });
    connections.push(...(await openMany(Number(wanted), open, AT_ONCE)));
    return { open: connections.length };
  },
});
