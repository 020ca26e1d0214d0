/** The site: its pages, in their order, and how links to files of the repository become pages. */

import { defineConfig } from "vitepress";
import { linkToSource } from "./source_links.ts";

const guides = [
  {
    text: "Start",
    items: [
      { text: "First steps", link: "/guide/first-steps" },
      { text: "From PyTorch to a page", link: "/guide/checkpoints" },
      { text: "Models that load", link: "/guide/models" },
      { text: "Datasets for training", link: "/guide/datasets" },
      { text: "The command line", link: "/guide/command-line" },
    ],
  },
  {
    text: "Serve",
    items: [
      { text: "A model over HTTP", link: "/guide/serving" },
      { text: "Cloudflare, Deno Deploy", link: "/guide/edge" },
    ],
  },
  {
    text: "Know",
    items: [
      { text: "Differences from Python", link: "/guide/differences" },
      { text: "Limits", link: "/guide/limits" },
      { text: "Troubleshooting", link: "/guide/troubleshooting" },
    ],
  },
  {
    text: "Change",
    items: [
      { text: "Write a kernel", link: "/guide/kernel" },
      { text: "Architecture", link: "/source/ARCHITECTURE-md" },
      { text: "Versions", link: "/source/VERSIONING-md" },
      { text: "Security", link: "/source/SECURITY-md" },
    ],
  },
];

export default defineConfig({
  title: "Andromeda",
  description: "Transformers in TypeScript: on the CPU and the GPU, in Deno, Node, Bun, browsers and edge workers.",
  transformHead: ({ siteData }) => [["link", { rel: "icon", href: `${siteData.base}icon.svg` }]],
  cacheDir: "../dist/vitepress",
  // `deno doc` writes these pages once VitePress is done.
  ignoreDeadLinks: [/^\.?\/api\//],
  markdown: {
    theme: { light: "github-light", dark: "github-dark" },
    config: linkToSource,
  },
  themeConfig: {
    logo: "/icon.svg",
    nav: [
      { text: "Try it", link: "/try" },
      { text: "Guides", link: "/guide/first-steps", activeMatch: "^/guide/" },
      { text: "Reference", link: "/api/index.html", target: "_self" },
      { text: "Changes", link: "/source/CHANGELOG-md" },
    ],
    sidebar: guides,
    outline: [2, 3],
    search: {
      provider: "local",
      options: {
        // Guides are searched, sources are not.
        _render: (source, env, md) => env.relativePath.startsWith("source/") ? "" : md.render(source, env),
      },
    },
  },
});
