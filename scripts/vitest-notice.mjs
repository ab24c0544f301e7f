import process from "node:process";

/** vitest writes this notice in each run with tests of types, and has no option against it. The lock file pins vitest anyway. */
const NOTICE =
  // oxlint-disable-next-line no-control-regex -- the notice may be coloured
  /^(?:\u001b\[\d+m)?Testing types with tsc and vue-tsc is an experimental feature\.\n.*pin Vitest's version when using it\.(?:\u001b\[\d+m)?\n$/;

/**
 * Drops vitest's notice about tests of types from standard error. Every other text is written.
 *
 * @param {Pick<NodeJS.WriteStream, "write">} [stream]
 */
export function hideTypesNotice(stream = process.stderr) {
  stream.write = new Proxy(stream.write, {
    apply: (write, target, args) =>
      typeof args[0] === "string" && NOTICE.test(args[0]) ? true : Reflect.apply(write, target, args),
  });
}
