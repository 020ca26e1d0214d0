/**
 * Elements by their ids, messages for everyone, and numbers as people read them.
 *
 * @module
 */

/** An element of `index.html`. */
export function byId<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (found instanceof type) return found;
  throw new TypeError(`Cannot find #${id}: index.html must have it as ${type.name}`);
}

/** Makes an element with a class and children. */
export function make<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className: string,
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  element.className = className;
  element.append(...children);
  return element;
}

const status = byId("status", HTMLElement);

/** Tells people who hear the page instead of seeing it. */
export function say(text: string): void {
  status.textContent = text;
}

/** Shows a failure as one line at the place that it belongs to; an abort is none. */
export function showError(place: HTMLElement, error: unknown): void {
  if (error instanceof DOMException && error.name === "AbortError") return;
  place.textContent = error instanceof Error ? error.message : String(error);
  place.hidden = false;
  place.scrollIntoView({ block: "nearest" });
}

/** Takes a message away. */
export function clearError(place: HTMLElement): void {
  place.hidden = true;
  place.textContent = "";
}

/** The chosen one of a group of radio buttons. */
export function chosen(name: string): string {
  const found = document.querySelector(`input[name="${name}"]:checked`);
  return found instanceof HTMLInputElement ? found.value : "";
}

/** 4665984 as "4,665,984"; `toLocaleString` takes 24 ms the first time. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A speed: three digits say enough. */
export function speed(perSecond: number): string {
  return Number.isFinite(perSecond) ? grouped(Number(perSecond.toPrecision(3))) : "–";
}

/** Waits for the next frame, so that what was shown can be drawn before more is done. */
export function nextFrame(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
}

/** Bytes in units of 1,000,000, as networks and shops count. */
export function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1);
}

/** A share of 1 in percent. */
export function percent(share: number): string {
  return share >= 0.0995 ? `${Math.round(share * 100)} %` : `${(share * 100).toFixed(1)} %`;
}

/** A token so that its spaces and line breaks can be seen. */
export function visible(text: string): string {
  return text.replaceAll(" ", "·").replaceAll("\n", "↵").replaceAll("\t", "⇥") || "∅";
}

/** A token so that it can be heard. */
export function spoken(text: string): string {
  return text.trim() || (text.includes("\n") ? "line break" : "space");
}

/** Rows of a list: tokens with their shares as bars, the longest first. */
export function bars(
  items: readonly { readonly text: string; readonly share: number; readonly isChosen?: boolean }[],
): HTMLElement[] {
  const largest = items[0]?.share ?? 1;
  return items.map(({ text, share, isChosen = false }) => {
    const bar = make("span", "bar-fill");
    bar.style.inlineSize = `${Math.max(1, 100 * share / largest)}%`;
    return make(
      "li",
      isChosen ? "is-chosen" : "",
      make("span", "token-name", visible(text)),
      make("span", "bar-track", bar),
      make("span", "bar-value", percent(share)),
    );
  });
}
