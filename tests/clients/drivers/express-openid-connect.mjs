// express-openid-connect (https://github.com/auth0/express-openid-connect): an application with its middleware, made anew
// for each login, as it keeps what it once learned about a provider.

import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { once } from 'node:events'
import express from 'express'
import openid from 'express-openid-connect'
import { browse, clientKey, serve } from './protocol.mjs'

const { privateKey, jwk } = await clientKey()

let app
const server = createServer((request, response) => app(request, response)).listen(0, '127.0.0.1')
await once(server, 'listening')
const base = `http://127.0.0.1:${server.address().port}`

function application(login, stage, done) {
  const app = express()
  app.use((request, _response, next) => {
    if (request.path === '/callback') stage('callback')
    next()
  })
  app.use(
    openid.auth({
      issuerBaseURL: login.issuer,
      baseURL: base,
      clientID: login.client_id,
      secret: randomBytes(32).toString('hex'),
      clientAuthMethod: login.client_auth,
      ...(login.client_auth.startsWith('client_secret') && { clientSecret: login.client_secret }),
      ...(login.client_auth === 'private_key_jwt' && {
        clientAssertionSigningKey: privateKey,
        clientAssertionSigningAlg: jwk.alg,
      }),
      idTokenSigningAlg: login.alg,
      idpLogout: true,
      routes: { postLogoutRedirect: '/goodbye' },
      authRequired: false,
      authorizationParams: {
        response_type: 'code',
        scope: login.scope,
        ...(login.response_mode && { response_mode: login.response_mode }),
      },
    }),
  )
  app.get('/', openid.requiresAuth(), async (request, response, next) => {
    try {
      stage('userinfo')
      await request.oidc.fetchUserInfo()
      done.push('login', 'id_token', 'userinfo')
      if (request.oidc.refreshToken) {
        stage('refresh')
        await request.oidc.accessToken.refresh()
        stage('userinfo')
        await request.oidc.fetchUserInfo()
        done.push('refresh')
      }
      response.redirect('/done')
    } catch (error) {
      next(error)
    }
  })
  return app
}

const hello = { redirect_uri: `${base}/callback`, post_logout_redirect_uri: `${base}/goodbye`, jwk }

await serve(hello, async (login, stage) => {
  const did = []
  let failure
  stage('discovery')
  app = application(login, stage, did)
  app.use((error, _request, response, _next) => {
    failure ??= error
    response.status(500).send('failed')
  })
  const visit = async (path, until) => {
    try {
      return await browse(`${base}${path}`, `${base}${until}`)
    } catch (error) {
      throw failure ?? error
    }
  }
  // The middleware discovers the provider on the way to it; what goes wrong after that, before the callback, is the user's way.
  await visit('/', '/done')
  if (login.logout) {
    stage('logout')
    await visit('/logout', '/goodbye')
    did.push('logout')
  }
  return did
})
