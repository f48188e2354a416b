// Two pages in one: the opener, and the window with the sign-in.
const main = document.querySelector('main')
const fault = document.documentElement.dataset.fault

function opener() {
  main.innerHTML = '<button type="button">Sign in with a window</button><p role="status">Nobody is signed in.</p>'
  main.querySelector('button').addEventListener('click', () => window.open('/popup?window', 'sign-in', 'width=400,height=400'))
  addEventListener('message', (event) => {
    if (event.origin === location.origin && event.data?.signedIn) {
      main.querySelector('p').textContent = `Welcome ${event.data.signedIn}`
    }
  })
}

function inside() {
  document.title = 'Sign in'
  main.innerHTML = '<form><label>Password <input name="password" type="password"></label><button>Sign in</button></form>'
  const form = main.querySelector('form')
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const answer = await fetch('/api/login', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'ada', password: new FormData(form).get('password') }),
    })
    if (!answer.ok) return
    if (fault !== 'silent-popup') window.opener?.postMessage({ signedIn: (await answer.json()).name }, location.origin)
    window.close()
  })
}

if (location.search === '?window') inside()
else opener()
