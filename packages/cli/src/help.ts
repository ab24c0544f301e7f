const GENERAL = `wsession: shows, watches and ends the sessions of wsession in Redis, and checks the server

  wsession inspect [--list]                   counts sessions, subjects, holders, memory, dead entries
  wsession show <id> [--data]                 one session
  wsession subject <name>                     the sessions of a subject
  wsession destroy <id> | --subject <name>    ends sessions in all processes
  wsession revoke --before <time>             ends all sessions that began before a time
  wsession watch [--every 2s]                 prints what happens, until Ctrl-C
  wsession doctor                             checks Redis: version, role, policy, rights, clock, bus

  --redis <url>       redis://[user:password@]host[:port][/database], rediss:// for TLS. Default: the environment's
                      REDIS_URL, or redis://127.0.0.1:6379. Several for --cluster and --sentinel, where the first one has
                      the user, the password and the database. The port of a Sentinel is 26379 by default
  --cluster           the URLs name nodes of a Cluster
  --sentinel <name>   the URLs name Sentinels, which monitor the master <name>
  --prefix <prefix>   the option prefix of redisStore. Default: ws
  --key-prefix <text> the option keyPrefix of the application's Redis client. Default: none
  --timeout <time>    the time limit of each call. Default: 2s
  --json              one JSON object, or one a line (watch)
  --help, --version

A time or duration is 500ms, 2s, 5min, 12h or 30d. A number from 1000 on without a unit is milliseconds.
Exit codes: 0 fine, 1 a finding or a failure, 2 wrong arguments, 130 interrupted or declined.
Tokens and their digests are never printed.
`;

const COMMANDS: Readonly<Record<string, string>> = {
  inspect: `wsession inspect [--list]

Counts the sessions, subjects, processes, index entries and bytes. Scans all keys of the database, in small steps.

  --list   also one line for each session
`,
  show: `wsession show <id> [--data]

Shows one session: subject, version, deadlines, the processes that hold it, kept messages, size.

  --data   also the data. It may contain personal data, and secrets of the application
`,
  subject: `wsession subject <name>

Shows the sessions of a subject, and the dead entries of its index.
`,
  destroy: `wsession destroy <id> [--reason <text>] [--yes]
wsession destroy --subject <name> [--reason <text>] [--yes]

Ends a session, or all sessions of a subject, in all processes. Their connections close with 4410.

  --reason <text>  the reason that clients get
  --yes            do not ask. Needed without a terminal
`,
  revoke: `wsession revoke --before <time> --field <name> [--dry-run] [--reason <text>] [--yes]
wsession revoke --before <time> --absolute <duration> [--dry-run] [--reason <text>] [--yes]

Ends all sessions that began before a time. A record does not contain this time, so one option is needed:

  --field <name>         a field of the data with the time of the login: milliseconds since the epoch, or ISO 8601
  --absolute <duration>  the absoluteMs of the application: the session began this long before its absolute deadline.
                         For a session with a lifetime of its own that lifetime is used. An extended session
                         counts from its last extend()
  --dry-run              counts the sessions, and ends none

Sessions of unknown age stay, and make the exit code 1.
`,
  watch: `wsession watch [--every <duration>] [--subject <name>]

Prints messages between processes at once, and the changes that a scan of all sessions finds. Ends with Ctrl-C.

  --every <duration>  the pause between two scans. Default: 2s
  --subject <name>    only the sessions of this subject
`,
  doctor: `wsession doctor

Checks Redis as a store does before it uses a server, and the user's rights, the clocks and the bus.
Prints what to do about each finding. The exit code is 1 if there is a problem.
`,
};

export function helpOf(command: string | undefined): string {
  // `Object.hasOwn`, because `help toString` would find a function of every object.
  return command !== undefined && Object.hasOwn(COMMANDS, command) ? (COMMANDS[command] ?? GENERAL) : GENERAL;
}
