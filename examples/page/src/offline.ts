/**
 * The page without a network: its service worker keeps the page's files, tells of new versions, and adds the headers
 * with which the engine may use several threads where the server does not send them.
 *
 * @module
 */

/** What the page lets this do. */
export interface OfflineOptions {
  /** Whether reloading the page would lose nothing. */
  canReload(): boolean;
  /** Called when a new version waits; `take` reloads the page with it. */
  onUpdate(take: () => void): void;
}

/** Registers the service worker, where there can be one. */
export async function workOffline({ canReload, onUpdate }: OfflineOptions): Promise<void> {
  const workers = navigator.serviceWorker;
  // Without https there is none, and the development server's files change all the time.
  if (!workers || import.meta.env.DEV) return;
  const hadOne = workers.controller !== null;
  let isTaken = false;
  workers.addEventListener("controllerchange", () => {
    // The first one brings the headers of threads, for which the page has to be asked for again.
    if (isTaken || (!hadOne && !crossOriginIsolated && canReload())) location.reload();
  });
  const registration = await workers.register("./service_worker.js");
  const offer = (worker: ServiceWorker) =>
    onUpdate(() => {
      isTaken = true;
      worker.postMessage("take over");
    });
  if (registration.waiting && hadOne) offer(registration.waiting);
  registration.addEventListener("updatefound", () => {
    const worker = registration.installing;
    worker?.addEventListener("statechange", () => {
      if (worker.state === "installed" && workers.controller) offer(worker);
    });
  });
}
