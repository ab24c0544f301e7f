/** The oldest TypeScript that has `NoInfer`, and the last one of each later line, by the name that the tests give each. */
export const compilerVersions = /** @type {const} */ ({
  ts54: "5.4.5",
  ts55: "5.5.4",
  ts56: "5.6.3",
  ts57: "5.7.3",
  ts58: "5.8.3",
  ts59: "5.9.3",
  ts6: "6.0.3",
  ts7: "7.0.2",
});
