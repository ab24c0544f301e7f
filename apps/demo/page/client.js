// The build bundles this into dist/page/client.js, and the demo serves the bundle under this name: a browser resolves no package.
export * from "@wsession/client";
