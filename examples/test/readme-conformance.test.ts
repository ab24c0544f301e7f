/** The program in the README of @wsession/conformance: it declares the cases of a store, which run here. */
import { expect, test } from "vitest";
import { others } from "../dist/readmes/conformance.js";

test("the suites of an adapter and of a client are compiled, and not declared here", () => {
  expect(others).toBeTypeOf("function");
});
