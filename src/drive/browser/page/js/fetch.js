// Sends a request as the page's own script would, and hands back what a page may know of the answer.
async (order) => {
  const { request, credentials, most } = JSON.parse(order);
  const { url, method, headers, body, follow } = request;
  try {
    const response = await fetch(url, {
      method,
      headers,
      body: body ?? undefined,
      credentials,
      redirect: follow ? "follow" : "manual",
    });
    return JSON.stringify({
      status: response.status,
      url: response.url,
      type: response.type,
      headers: Object.fromEntries(response.headers),
      body: (await response.text()).slice(0, most),
    });
  } catch (error) {
    const target = new URL(url, document.baseURI);
    const advice =
      target.origin === location.origin
        ? "to its own origin: the connection failed, or a policy of the page (Content-Security-Policy) forbids it"
        : `from \`${location.origin}\` to \`${target.origin}\`: the answer does not allow that origin (Access-Control-Allow-Origin, with` +
          " credentials also Access-Control-Allow-Credentials), a preflight was refused, a policy of the page forbids it, or the connection failed";
    return JSON.stringify({ failed: String(error), advice });
  }
}
