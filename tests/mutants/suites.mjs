// vitest's arguments for the narrowest suite that has to notice a mutant.

const conformance = (/** @type {string} */ name, /** @type {string} */ test) => [
  "--project",
  name,
  `packages/${name}/test/conformance.test.ts`,
  "-t",
  test,
];

/**
 * A file of a package's tests.
 *
 * @param {string} name
 * @param {string} file
 * @param {string} [test] a part of the tests' names, as a regular expression
 */
export function inPackage(name, file, test) {
  const words = ["--project", name, `packages/${name}/test/${file}.test.ts`];
  return test === undefined ? words : [...words, "-t", test];
}

/** @param {string} file */
export const core = (file) => inPackage("core", file);

/**
 * @param {string} file
 * @param {string} [test]
 */
export const redis = (file, test) => inPackage("store-redis", file, test);

/**
 * A file of `npm run test:drivers`.
 *
 * @param {string} file
 * @param {string} test
 */
export const drivers = (file, test) => [
  "--config",
  "tests/drivers/vitest.config.mjs",
  `tests/drivers/${file}-run.ts`,
  "-t",
  test,
];

/** @param {string} name */
export const hazards = (name) => inPackage(name, "hazards");

/** @param {string} test */
export const onWs = (test) => conformance("adapter-ws", test);

/** @param {string} test */
export const onUws = (test) => conformance("adapter-uws", test);

/**
 * A file of the tests of all packages together.
 *
 * @param {string} file
 * @param {string} [test]
 */
export function tests(file, test) {
  const words = ["--project", "tests", `tests/${file}`];
  return test === undefined ? words : [...words, "-t", test];
}
