// oidc-provider (https://github.com/panva/node-oidc-provider) for the benchmark: `node oidc-provider.mjs PORT REDIRECT_URI`.
//
// Its fastest sane set-up: production mode, ES256, opaque access tokens, PKCE, and a store made of plain maps. The store that it
// brings along looks at every token of a grant whenever it adds one, which is for development and would be unfair.

import { generateKeyPairSync } from 'node:crypto'
import Provider from 'oidc-provider'

const [port, redirectUri] = process.argv.slice(2)

const kept = new Map()
const byGrant = new Map()

class Store {
  constructor(model) {
    this.model = model
  }
  key(id) {
    return `${this.model}:${id}`
  }
  async upsert(id, payload) {
    const key = this.key(id)
    if (this.model === 'Session') kept.set(`uid:${payload.uid}`, id)
    if (payload.grantId) {
      const members = byGrant.get(payload.grantId)
      if (members) members.push(key)
      else byGrant.set(payload.grantId, [key])
    }
    kept.set(key, payload)
  }
  async find(id) {
    return kept.get(this.key(id))
  }
  async findByUid(uid) {
    return this.find(kept.get(`uid:${uid}`))
  }
  async findByUserCode() {}
  async consume(id) {
    kept.get(this.key(id)).consumed = Math.floor(Date.now() / 1000)
  }
  async destroy(id) {
    kept.delete(this.key(id))
  }
  async revokeByGrantId(grantId) {
    for (const key of byGrant.get(grantId) ?? []) kept.delete(key)
    byGrant.delete(grantId)
  }
}

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const provider = new Provider(`http://127.0.0.1:${port}`, {
  adapter: Store,
  clients: [
    {
      client_id: 'app',
      client_secret: 'bench-only-secret',
      redirect_uris: [redirectUri],
      id_token_signed_response_alg: 'ES256',
      token_endpoint_auth_method: 'client_secret_basic',
    },
  ],
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: 'bench', alg: 'ES256', use: 'sig' }] },
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  async findAccount(_context, id) {
    return { accountId: id, claims: async () => ({ sub: id, email: `${id}@mosaic.test`, email_verified: true, name: 'Jarvis Mosaic' }) }
  },
})
provider.listen(Number(port), '127.0.0.1')
