/**
 * The page of `examples/page`, built from the packed npm package as its readers build it, and a browser for it.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { launchChromium } from "../../support/chromium.ts";
import { EXAMPLES, PAGE_TOOLS, Project } from "../package/project.ts";

/** What the page and its tests need beside the package. */
const PACKAGES = [
  ...PAGE_TOOLS,
  "@fontsource-variable/instrument-sans@5.3.0",
  "@fontsource-variable/newsreader@5.3.0",
  "axe-core@4.14.1",
];

/** Milliseconds that anything on the page may take. */
const PATIENCE = 20_000;

/** The built page, and a browser. */
export interface Site extends AsyncDisposable {
  /** The folder that is served. */
  readonly folder: string;
  /** The script of axe-core. */
  readonly axe: string;
  readonly browser: Browser;
}

/** Builds the page, checks its types, and starts a browser. */
export async function buildSite(): Promise<Site> {
  const project = await Project.create(PACKAGES);
  try {
    await project.copy(`${EXAMPLES}/page`, "page");
    await project.copy(`${EXAMPLES}/shakespeare`, "page/public/model");
    for (const [tool, args] of [["tsc", []], ["vite", ["build", "--logLevel", "warn"]]] as const) {
      const { code, stdout, stderr } = await project.run(project.tool(tool), args, "page");
      assertEquals([code, stdout, stderr], [0, "", ""], `${tool} fails`);
    }
    const browser = await launchChromium();
    return {
      folder: `${project.folder}/page/dist/`,
      axe: await Deno.readTextFile(`${project.folder}/node_modules/axe-core/axe.min.js`),
      browser,
      async [Symbol.asyncDispose]() {
        await browser.close();
        await project[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await project[Symbol.asyncDispose]();
    throw error;
  }
}

/** A page that is open, what it reported as wrong, and what a person does there. */
export class Visitor implements AsyncDisposable {
  readonly context: BrowserContext;
  readonly page: Page;
  readonly faults: string[] = [];

  private constructor(context: BrowserContext, page: Page) {
    this.context = context;
    this.page = page;
    page.setDefaultTimeout(PATIENCE);
    page.on("pageerror", (error) => this.faults.push(error.message));
    page.on("console", (message) => {
      // Chromium says so wherever there is no graphics card.
      if (message.text() === "No available adapters.") return;
      if (message.type() === "error" || message.type() === "warning") this.faults.push(message.text());
    });
  }

  /** Opens the page in a fresh profile. */
  static async open(
    { browser }: Site,
    url: string,
    options: Parameters<Browser["newContext"]>[0] = {},
    script = "",
  ): Promise<Visitor> {
    const context = await browser.newContext({ colorScheme: "light", ...options });
    await context.addInitScript(script);
    const visitor = new Visitor(context, await context.newPage());
    await visitor.page.goto(url);
    return visitor;
  }

  /** Waits until an expression is true in the page; the page's own policy forbids Playwright to evaluate it there. */
  async until(expression: string): Promise<void> {
    const end = Date.now() + PATIENCE;
    while (!(await this.page.evaluate(expression).catch(() => false))) {
      if (Date.now() > end) throw new Error(`the page never has ${expression}: ${this.faults.join("; ")}`);
      await this.page.waitForTimeout(50);
    }
  }

  /** Waits until the page is in a state. */
  async state(state: "start" | "loading" | "ready"): Promise<void> {
    await this.page.waitForSelector(`body[data-state="${state}"]`);
  }

  /** Loads the demo's model. */
  async load(): Promise<void> {
    await this.page.click("#load-demo");
    await this.state("ready");
  }

  /** Sets controls by their ids. */
  async set(values: Readonly<Record<string, number>>): Promise<void> {
    for (const [id, value] of Object.entries(values)) await this.page.fill(`#${id}`, String(value));
  }

  /** Waits until the text is complete. */
  async written(): Promise<void> {
    await this.page.waitForSelector("#write:not([hidden])");
  }

  /** The pieces of what was written. */
  pieces(): Promise<string[]> {
    return this.page.locator(".token:not(.given)").allTextContents();
  }

  /** Violations of accessibility rules, with where they are. */
  async violations({ axe }: Site): Promise<string[]> {
    await this.page.evaluate(axe);
    const { violations }: AxeResult = await this.page.evaluate("axe.run()");
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html}`));
  }

  /** The longest time, in milliseconds, for which the page's thread computes without a pause during an action. */
  async longestTask(act: () => Promise<void>): Promise<number> {
    const session = await this.context.newCDPSession(this.page);
    const events: TraceEvent[] = [];
    session.on("Tracing.dataCollected", ({ value }) => events.push(...value as unknown as TraceEvent[]));
    await session.send("Tracing.start", { traceConfig: { includedCategories: ["toplevel"] } });
    await act();
    const isComplete = new Promise((resolve) => session.once("Tracing.tracingComplete", resolve));
    await session.send("Tracing.end");
    await isComplete;
    await session.detach();
    const threadOf = ({ pid, tid }: TraceEvent) => `${pid} ${tid}`;
    const pages = new Set(events.filter(({ args }) => args.name === "CrRendererMain").map(threadOf));
    return Math.max(...events.map((event) => pages.has(threadOf(event)) ? (event.tdur ?? 0) / 1000 : 0));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.context.close();
  }
}

/** The part of an event of Chromium's traces that is read here; `tdur` is its time on a processor. */
interface TraceEvent {
  readonly pid: number;
  readonly tid: number;
  readonly tdur?: number;
  readonly args: { readonly name?: string };
}

/** The part of axe's result that is read here. */
interface AxeResult {
  readonly violations: readonly { readonly id: string; readonly nodes: readonly { readonly html: string }[] }[];
}
