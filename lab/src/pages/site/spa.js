// The whole app: a form that comes late, a sign-in by JSON, and two views that are one page.
const app = document.getElementById('app')
const fault = document.documentElement.dataset.fault

function show(...nodes) {
  app.replaceChildren(...nodes)
}

function element(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties)
  made.append(...children)
  return made
}

function signIn() {
  const problem = element('p', { role: 'alert', hidden: true })
  const form = element(
    'form',
    {},
    element('label', {}, 'Name ', element('input', { name: 'name', autocomplete: 'username' })),
    element('label', {}, 'Password ', element('input', { name: 'password', type: 'password', autocomplete: 'current-password' })),
    element('button', { type: 'submit' }, 'Sign in'),
    problem,
  )
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    if (fault === 'throws') throw new TypeError("Cannot read properties of undefined (reading 'token')")
    const answer = await fetch('/api/login', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(Object.fromEntries(new FormData(form))),
    })
    const body = await answer.json()
    if (!answer.ok) {
      console.error('sign-in refused:', body.error)
      problem.hidden = false
      problem.textContent = 'Name or password is not right.'
      return
    }
    if (fault !== 'forgets-token') {
      localStorage.setItem('access_token', body.token)
      sessionStorage.setItem('tab', 'first')
    }
    history.pushState({}, '', '/home')
    home(body.name)
  })
  show(form)
}

function home(name) {
  document.title = 'Rates of the day'
  const out = element('button', { type: 'button' }, 'Sign out')
  out.addEventListener('click', () => {
    localStorage.removeItem('access_token')
    history.pushState({}, '', '/')
    document.title = 'Rates'
    signIn()
  })
  show(element('p', {}, `Welcome ${name}`), out)
}

const answer = await fetch('/api/me')
if (answer.ok && localStorage.getItem('access_token')) {
  home((await answer.json()).name)
} else {
  // Frameworks render in a later task, and so does this.
  setTimeout(signIn, 150)
}
