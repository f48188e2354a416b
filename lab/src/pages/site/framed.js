// A sign-in within a frame of another site, which tells the page on top how it went.
const form = document.querySelector('form')
form.addEventListener('submit', async (event) => {
  event.preventDefault()
  const answer = await fetch('/api/login', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(Object.fromEntries(new FormData(form))),
  })
  // Whether the session holds is another question: the cookie may have been blocked.
  const me = answer.ok ? await fetch('/api/me') : answer
  document.querySelector('p').textContent = me.ok ? 'Signed in here.' : 'The session does not hold here.'
  if (me.ok) top.postMessage({ signedIn: (await me.json()).name }, '*')
})
