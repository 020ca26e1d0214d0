/**
 * Links from guides to files and folders of the repository. In the repository they are paths; on the site they lead to
 * pages that show the files.
 */

import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { MarkdownRenderer } from "vitepress";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const GUIDES = ["docs", "docs/guide"];

/** Files that every page's frame links to. */
const ALWAYS = ["ARCHITECTURE.md", "CHANGELOG.md", "SECURITY.md", "VERSIONING.md"];

/** A page of a dynamic route. */
interface Page {
  readonly params: { readonly path: string };
  readonly content: string;
}

/** The path of a link from the repository's root, if it leaves the guides. */
function pathOf(href: string, page: string): string | undefined {
  if (/^(?:[a-z]+:|[/#])/i.test(href)) return undefined;
  const path = relative(
    ROOT,
    join(ROOT, "docs", dirname(page), href.replace(/#.*/, "")),
  ).replaceAll("\\", "/");
  return path.startsWith("docs/") ? undefined : path;
}

/** The name of a path's page; one with an ending would be taken for the file. */
function slugOf(path: string): string {
  return path.replace(/\/$/, "").replaceAll(".", "-");
}

/** Sends links to the repository's files to their pages. */
export function linkToSource(md: MarkdownRenderer): void {
  const open = md.renderer.rules["link_open"];
  md.renderer.rules["link_open"] = (tokens, i, options, env, self) => {
    const token = tokens[i];
    const path = pathOf(token?.attrGet("href") ?? "", env.relativePath);
    if (token && path !== undefined) {
      token.attrSet("href", `/source/${slugOf(path)}`);
    }
    return open ? open(tokens, i, options, env, self) : self.renderToken(tokens, i, options);
  };
}

/** A page for each file that a guide links to, and for each folder, which has a README.md. */
export function sourcePages(): Page[] {
  const found = new Set(ALWAYS);
  for (const folder of GUIDES) {
    for (
      const name of readdirSync(join(ROOT, folder)).filter((name) => name.endsWith(".md"))
    ) {
      const text = readFileSync(join(ROOT, folder, name), "utf8");
      for (const [, href = ""] of text.matchAll(/(?<!!)\[[^\]]*\]\(([^)\s]+)\)/g)) {
        const path = pathOf(href, join(relative("docs", folder), name));
        if (path !== undefined) found.add(path.replace(/\/$/, ""));
      }
    }
  }
  return [...found].map((path) => ({
    params: { path: slugOf(path) },
    content: pageOf(path),
  }));
}

function pageOf(path: string): string {
  if (path.endsWith(".md")) {
    return withoutPaths(readFileSync(join(ROOT, path), "utf8"));
  }
  if (!statSync(join(ROOT, path)).isDirectory()) {
    return `# \`${path}\`\n\n${fence(path)}`;
  }
  const files = readdirSync(join(ROOT, path), { withFileTypes: true }).filter((entry) => entry.isFile());
  const shown = files.map(({ name }) => `${path}/${name}`).filter((file) => isText(file) && !file.endsWith(".md"));
  const readme = withoutPaths(readFileSync(join(ROOT, path, "README.md"), "utf8"));
  return [readme, ...shown.map((file) => `## \`${file.slice(path.length + 1)}\`\n\n${fence(file)}`)].join("\n\n");
}

/** Markdown whose links to files, which have no page, are plain text. */
function withoutPaths(text: string): string {
  return text.replaceAll(/!?\[([^\]]*)\]\((?![a-z]+:|#)[^)]*\)/gi, "$1");
}

function isText(path: string): boolean {
  return /\.(?:ts|js|jsonc?|py|wgsl|yml|yaml)$|\/(?:Caddyfile|Dockerfile)$/
    .test(path) &&
    statSync(join(ROOT, path)).size < 20_000;
}

function fence(path: string): string {
  const language = /\/Dockerfile$/.test(path) ? "docker" : /\.(\w+)$/.exec(path)?.[1] ?? "txt";
  return `\`\`\`\`${language}\n${readFileSync(join(ROOT, path), "utf8").trimEnd()}\n\`\`\`\``;
}
