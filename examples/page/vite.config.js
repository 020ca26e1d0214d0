/** How the page is built: into files that work from any folder of any static server, under a strict policy. */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { defineConfig } from "vite";

/** Headers with which a page may share memory between threads. */
const ISOLATED = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };

/** Tells the service worker which files the page is made of, so that one visit is enough to work offline. */
const listFiles = {
  name: "list-files",
  enforce: "post",
  generateBundle(_options, bundle) {
    const worker = bundle["service_worker.js"];
    const names = Object.keys(bundle).filter((name) => bundle[name] !== worker).sort();
    // Names hold hashes of contents, but for the page's own.
    const version = createHash("sha256").update(names.join()).update(readFileSync("index.html")).digest("hex");
    worker.code = worker.code
      .replaceAll("__FILES__", JSON.stringify(["./", ...names]))
      .replaceAll("__VERSION__", JSON.stringify(version.slice(0, 12)));
  },
};

export default defineConfig({
  base: "./",
  plugins: [listFiles],
  server: { headers: ISOLATED },
  build: {
    target: "es2024",
    // A policy of the page's own files allows no data: URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: {
      input: { index: "index.html", service_worker: "src/service_worker.ts" },
      output: { entryFileNames: ({ name }) => name === "service_worker" ? "[name].js" : "assets/[name]-[hash].js" },
    },
  },
});
