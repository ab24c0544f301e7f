/** The oldest TypeScript that has `NoInfer`, and the last one of later lines, by the name that the tests give each. */
export const compilerVersions = /** @type {const} */ ({
  ts54: "5.4.5",
  ts59: "5.9.3",
  ts6: "6.0.3",
  ts7: "7.0.2",
});
