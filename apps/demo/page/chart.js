// Bundled, because the chart is a library. `node page/bundle.mjs` writes dist/page.
export { default as UPlot } from "uplot";
