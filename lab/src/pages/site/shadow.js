// A form within a shadow root within a shadow root, as design systems build them.
class TextField extends HTMLElement {
  connectedCallback() {
    const root = this.attachShadow({ mode: 'open', delegatesFocus: true })
    const label = document.createElement('label')
    const input = document.createElement('input')
    input.type = this.getAttribute('type') ?? 'text'
    label.append(this.getAttribute('label'), input)
    root.append(label)
  }
  get value() {
    return this.shadowRoot.querySelector('input').value
  }
}
customElements.define('text-field', TextField)

class SignInCard extends HTMLElement {
  connectedCallback() {
    const root = this.attachShadow({ mode: 'open' })
    root.innerHTML = `
      <text-field label="Name"></text-field>
      <text-field label="Password" type="password"></text-field>
      <button type="button">Sign in</button>
      <p role="status"></p>`
    root.querySelector('button').addEventListener('click', async () => {
      const [name, password] = [...root.querySelectorAll('text-field')].map((field) => field.value)
      const answer = await fetch('/api/login', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name, password }),
      })
      root.querySelector('p').textContent = answer.ok ? `Welcome ${(await answer.json()).name}` : 'Name or password is not right.'
    })
  }
}
customElements.define('sign-in-card', SignInCard)
