/** Keeps the page itself for use without network; the model is kept by src/model-store.ts, once it is checked. */

/** The page's files with the sha256 of each, and a digest of them all; the build fills them in (vite.config.ts). */
declare const FILES: Record<string, string>;
declare const DIGEST: string;

const worker = self as unknown as ServiceWorkerGlobalScope;
const SCOPE = worker.registration.scope;
/** Caches belong to the whole host: pages at other paths of it keep their own. */
const MINE = `page ${new URL(SCOPE).pathname} `;
const CACHE = MINE + DIGEST;

worker.addEventListener("install", (event) => {
  const keep = async () => {
    const cache = await caches.open(CACHE);
    // Names with a digest in them never change; a server may have told the browser to hold on to the others. A file of
    // another build, as while a host is being copied to, fails all of it: the next visit tries again.
    await cache.addAll(
      Object.entries(FILES).map(
        ([file, integrity]) =>
          new Request(file, { integrity, cache: file.startsWith("assets/") ? "default" : "reload" }),
      ),
    );
    await worker.skipWaiting();
  };
  event.waitUntil(keep());
});

worker.addEventListener("activate", (event) => {
  const tidy = async () => {
    const outdated = (await caches.keys()).filter((name) => name.startsWith(MINE) && name !== CACHE);
    await Promise.all(outdated.map((name) => caches.delete(name)));
    await worker.clients.claim();
  };
  event.waitUntil(tidy());
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET" || request.url.startsWith(`${SCOPE}model/`)) return;
  // Only its own address: below it the host may hold other pages, and other copies of this one.
  const isPage = [SCOPE, `${SCOPE}index.html`].includes(request.url.split(/[?#]/)[0]);
  if (request.mode === "navigate" && !isPage) return;
  const wanted = request.mode === "navigate" ? SCOPE : request;
  // What was kept was fetched without an Origin, scripts are asked for with one; to a host that says `Vary: Origin`
  // these differ, and the files are the same.
  const kept = () => caches.match(wanted, { cacheName: CACHE, ignoreVary: true });
  const answer = async () => (await kept()) ?? fetch(request);
  event.respondWith(answer());
});
