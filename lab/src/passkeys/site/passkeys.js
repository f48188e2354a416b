// Both ceremonies: options from the server, the authenticator's part, and back for verification.
const form = document.querySelector('form')
const status = document.querySelector('[role=status]')

async function post(path, body) {
  const answer = await fetch(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const json = await answer.json()
  if (!answer.ok) throw new Error(json.error)
  return json
}

async function register(name) {
  const options = await post('/register/options', { name })
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options)
  const credential = await navigator.credentials.create({ publicKey })
  await post('/register/verify', credential.toJSON())
  return `${name} has a passkey.`
}

async function signIn(name) {
  const options = await post('/sign-in/options', { name })
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options)
  const credential = await navigator.credentials.get({ publicKey })
  const account = await post('/sign-in/verify', credential.toJSON())
  return `Signed in as ${account.name}.`
}

function on(button, ceremony) {
  form.elements[button].addEventListener('click', async () => {
    status.textContent = 'Waiting for the authenticator…'
    try {
      status.textContent = await ceremony(form.elements.name.value)
    } catch (problem) {
      // What the browser itself refuses has a name of its own, such as SecurityError.
      const origin = problem instanceof DOMException ? `${problem.name}, ` : ''
      status.textContent = `Not done: ${origin}${problem.message}`
    }
  })
}

on('register', register)
on('sign-in', signIn)
