// oauth4webapi (https://github.com/panva/oauth4webapi): every step by hand, every check that it has turned on.

import * as oauth from 'oauth4webapi'
import { asRequest, browse, clientKey, serve } from './protocol.mjs'

const { privateKey, jwk } = await clientKey()
const insecure = { [oauth.allowInsecureRequests]: true }

function authentication({ client_auth, client_secret }) {
  switch (client_auth) {
    case 'client_secret_basic':
      return oauth.ClientSecretBasic(client_secret)
    case 'client_secret_post':
      return oauth.ClientSecretPost(client_secret)
    case 'private_key_jwt':
      return oauth.PrivateKeyJwt({ key: privateKey, kid: jwk.kid })
    default:
      return oauth.None()
  }
}

/** The parameters of an authorization response, from the query or from a posted form. */
async function parameters(request) {
  return request.method === 'POST' ? new URLSearchParams(await request.text()) : new URL(request.url)
}

const hello = {
  redirect_uri: 'https://app.example.test/callback',
  post_logout_redirect_uri: 'https://app.example.test/',
  jwk,
}

await serve(hello, async (login, stage) => {
  const { client_id, alg, redirect_uri, post_logout_redirect_uri } = login
  stage('discovery')
  const issuer = new URL(login.issuer)
  const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
  const client = { client_id, id_token_signed_response_alg: alg }
  const auth = authentication(login)

  stage('authorize')
  const verifier = oauth.generateRandomCodeVerifier()
  const expectedNonce = oauth.generateRandomNonce()
  const state = oauth.generateRandomState()
  const url = new URL(as.authorization_endpoint)
  const query = {
    client_id,
    redirect_uri,
    response_type: 'code',
    scope: login.scope,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    nonce: expectedNonce,
    state,
    ...(login.response_mode && { response_mode: login.response_mode }),
  }
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  const arrived = await browse(url, redirect_uri)

  stage('callback')
  const params = oauth.validateAuthResponse(as, client, await parameters(asRequest(arrived)), state)

  stage('token')
  const response = await oauth.authorizationCodeGrantRequest(as, client, auth, params, redirect_uri, verifier, insecure)
  const options = { expectedNonce, requireIdToken: true }
  const tokens = await oauth.processAuthorizationCodeResponse(as, client, response, options)
  await oauth.validateApplicationLevelSignature(as, response, insecure)
  const { sub } = oauth.getValidatedIdTokenClaims(tokens)
  const did = ['login', 'id_token']

  const userinfo = async (accessToken) => {
    stage('userinfo')
    const response = await oauth.userInfoRequest(as, client, accessToken, insecure)
    await oauth.processUserInfoResponse(as, client, sub, response)
  }
  await userinfo(tokens.access_token)
  did.push('userinfo')

  if (tokens.refresh_token) {
    stage('refresh')
    const response = await oauth.refreshTokenGrantRequest(as, client, auth, tokens.refresh_token, insecure)
    const refreshed = await oauth.processRefreshTokenResponse(as, client, response)
    if (refreshed.id_token) await oauth.validateApplicationLevelSignature(as, response, insecure)
    await userinfo(refreshed.access_token)
    did.push('refresh')
  }
  if (as.introspection_endpoint && login.client_auth !== 'none') {
    stage('introspect')
    const response = await oauth.introspectionRequest(as, client, auth, tokens.access_token, insecure)
    const { active } = await oauth.processIntrospectionResponse(as, client, response)
    if (active !== true) throw new Error('the token is not active')
    did.push('introspect')
  }
  if (as.revocation_endpoint) {
    stage('revoke')
    await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, auth, tokens.access_token, insecure))
    did.push('revoke')
  }
  if (as.end_session_endpoint && login.logout) {
    stage('logout')
    const end = new URL(as.end_session_endpoint)
    end.search = new URLSearchParams({ id_token_hint: tokens.id_token, post_logout_redirect_uri, state })
    const { url: back } = await browse(end, post_logout_redirect_uri)
    if (new URL(back).searchParams.get('state') !== state) throw new Error('the logout came back with another state')
    did.push('logout')
  }
  return did
})
