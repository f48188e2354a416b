// openid-client v6 (https://github.com/panva/openid-client).

import * as client from 'openid-client'
import { asRequest, browse, clientKey, serve } from './protocol.mjs'

const { privateKey, jwk } = await clientKey()

function authentication({ client_auth, client_secret }) {
  switch (client_auth) {
    case 'client_secret_basic':
      return client.ClientSecretBasic(client_secret)
    case 'client_secret_post':
      return client.ClientSecretPost(client_secret)
    case 'private_key_jwt':
      return client.PrivateKeyJwt({ key: privateKey, kid: jwk.kid })
    default:
      return client.None()
  }
}

const hello = {
  redirect_uri: 'https://app.example.test/callback',
  post_logout_redirect_uri: 'https://app.example.test/',
  jwk,
}

await serve(hello, async (login, stage) => {
  const { issuer, client_id, alg, redirect_uri, post_logout_redirect_uri } = login
  stage('discovery')
  const execute = [client.allowInsecureRequests]
  // Without this the signature of an ID token that came straight from the token endpoint is not looked at.
  if (login.checks === 'full') execute.push(client.enableNonRepudiationChecks)
  const metadata = { id_token_signed_response_alg: alg }
  const config = await client.discovery(new URL(issuer), client_id, metadata, authentication(login), { execute })
  const { token_endpoint } = config.serverMetadata()
  config[client.customFetch] = (url, options) => {
    if (url === token_endpoint) stage('token')
    return fetch(url, options)
  }

  stage('authorize')
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const expectedNonce = client.randomNonce()
  const expectedState = client.randomState()
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri,
    scope: login.scope,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    nonce: expectedNonce,
    state: expectedState,
    ...(login.response_mode && { response_mode: login.response_mode }),
  })
  const arrived = await browse(url, redirect_uri)

  stage('callback')
  const checks = { pkceCodeVerifier, expectedNonce, expectedState, idTokenExpected: true }
  const tokens = await client.authorizationCodeGrant(config, asRequest(arrived), checks)
  const did = ['login', tokens.claims().sub && 'id_token']

  stage('userinfo')
  await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)
  did.push('userinfo')

  if (tokens.refresh_token) {
    const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token).catch((error) => {
      throw Object.assign(error, { stage: 'refresh' })
    })
    stage('userinfo')
    await client.fetchUserInfo(config, refreshed.access_token, tokens.claims().sub)
    did.push('refresh')
  }

  const { introspection_endpoint, revocation_endpoint, end_session_endpoint } = config.serverMetadata()
  if (introspection_endpoint && login.client_auth !== 'none') {
    stage('introspect')
    const { active } = await client.tokenIntrospection(config, tokens.access_token)
    if (active !== true) throw new Error('the token is not active')
    did.push('introspect')
  }
  if (revocation_endpoint) {
    stage('revoke')
    await client.tokenRevocation(config, tokens.access_token)
    did.push('revoke')
  }
  if (end_session_endpoint && login.logout) {
    stage('logout')
    const state = client.randomState()
    const end = client.buildEndSessionUrl(config, { id_token_hint: tokens.id_token, post_logout_redirect_uri, state })
    const { url: back } = await browse(end, post_logout_redirect_uri)
    if (new URL(back).searchParams.get('state') !== state) throw new Error('the logout came back with another state')
    did.push('logout')
  }
  return did
})
