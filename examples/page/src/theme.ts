/**
 * Light or dark: as the system says, until a person says otherwise.
 *
 * @module
 */

const KEY = "andromeda-theme";

/** Makes the switch work. */
export function themeSwitch(button: HTMLButtonElement): void {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const wanted = (): string | null => localStorage.getItem(KEY);
  const isDark = () => (wanted() ?? (system.matches ? "dark" : "light")) === "dark";
  const show = () => {
    document.documentElement.dataset["theme"] = isDark() ? "dark" : "light";
    button.setAttribute("aria-pressed", String(isDark()));
  };
  button.addEventListener("click", () => {
    const next = isDark() ? "light" : "dark";
    // Who chooses what the system says follows the system again.
    if ((next === "dark") === system.matches) localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
    show();
  });
  system.addEventListener("change", show);
  show();
}
