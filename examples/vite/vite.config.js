import { defineConfig } from "vite";

export default defineConfig({
  server: {
    // With these the engine uses all cores; the server of the built page has to send them too.
    headers: {
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Embedder-Policy": "require-corp",
    },
  },
});
