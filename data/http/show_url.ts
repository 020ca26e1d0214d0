/**
 * URLs as messages show them. Passwords stand before the host, tokens and signatures in the query under too many names
 * to list. So neither part is ever shown.
 *
 * @module
 */

/**
 * The part of a URL that may be shown: no user, password, query or fragment.
 *
 * @param url A URL, or a text that was meant as one.
 */
export function showUrl(url: string | URL): string {
  const text = String(url);
  // The host of such a text can't be found, so everything that may be a password is removed.
  if (!URL.canParse(text)) return text.replace(/\/\/.*@/s, "//").replace(/[?#].*$/s, "?...");
  const { protocol, host, pathname, search } = new URL(text);
  if (protocol === "data:") return `${/^data:[\w.+/-]*/.exec(pathname.includes(",") ? text : "data:")?.[0]}...`;
  const query = search === "" ? "" : "?...";
  if (/^[^:]+:[/\\]{2}/.test(text)) return `${protocol}//${host}${pathname}${query}`;
  return `${protocol}${pathname.replace(/^[^/]*@/, "")}${query}`;
}

/** A text of somebody else (an error of the host, a server's header) with the URLs in it as `showUrl` shows them. */
export function showText(text: string): string {
  return text.replace(/[a-z][a-z0-9+.-]*:\/\/[^\s"'<>]+/gi, (url) => showUrl(url));
}
