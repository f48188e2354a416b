// Answers what is asked of /api/me: from the network, or, with the fault, from what it once knew.
addEventListener('install', () => skipWaiting())
addEventListener('activate', (event) => event.waitUntil(clients.claim()))
addEventListener('fetch', (event) => {
  if (new URL(event.request.url).pathname !== '/api/me') return
  const stale = new Response(JSON.stringify({ name: 'Ada' }), { headers: { 'content-type': 'application/json' } })
  event.respondWith(location.search === '?stale-worker' ? stale : fetch(event.request))
})
