/** The program in the README of @wsession/conformance: it declares the cases of a store, which run here. */
await import("../dist/readmes/conformance.js");

export {};
