// The build bundles this into dist/page/client.js, and the demo serves the bundle under this name, because a browser can't
// resolve the name of a package.
export * from "@wsession/client";
