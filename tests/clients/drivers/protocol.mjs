// How a driver talks with the test that started it: a JSON object a line.
//
//   driver → test   { redirect_uri, post_logout_redirect_uri, jwk }      once, when it is ready
//   test → driver   { issuer, client_id, … }                             a login to perform
//   driver → test   { open, until }                                      the user is sent to a URL
//   test → driver   { url, method, body } or { stuck }                   where the user arrived, or why not
//   driver → test   { accepted: true, did } or { accepted: false, stage, error }

import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

async function receive() {
  const { value, done } = await lines.next()
  return done ? undefined : JSON.parse(value)
}

function send(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}

/** The user went nowhere: the provider shows a page that leads no further. */
class Stuck extends Error {
  constructor(reason) {
    super(reason)
    this.code = reason
  }
}

/** Sends the user to `url`; says where they are once they were sent on to what begins with `until`. */
export async function browse(url, until) {
  send({ open: String(url), until })
  const arrived = await receive()
  if (arrived?.stuck) throw new Stuck(arrived.stuck)
  return arrived
}

/** What arrived at a redirect URI, as the request that a server there would see. */
export function asRequest({ url, method, body }) {
  if (method !== 'POST') return new Request(url)
  return new Request(url, { method, body, headers: { 'content-type': 'application/x-www-form-urlencoded' } })
}

/** An error without what changes from run to run: its code, and what says more. */
export function describe(error) {
  const chain = []
  for (let at = error; at && typeof at === 'object' && chain.length < 8; at = at.cause) chain.push(at)
  const first = (...names) => {
    for (const at of chain) for (const name of names) if (typeof at[name] === 'string') return at[name]
  }
  const code = first('code') ?? error?.name ?? 'Error'
  const status = chain.map((at) => at.status).find((status) => status > 0)
  // This code covers many things, which only the message of the innermost error tells apart.
  const why = code === 'OAUTH_INVALID_RESPONSE' ? chain.findLast((at) => at.message)?.message : undefined
  const detail = first('error', 'claim', 'attribute') ?? why ?? status
  return detail === undefined || detail === code ? code : `${code}: ${detail}`
}

/** Performs logins until the test has no more. `perform` tells its stage before each part, and returns what it did. */
export async function serve(hello, perform) {
  send(hello)
  for (let login = await receive(); login; login = await receive()) {
    let stage = 'start'
    try {
      const did = await perform(login, (name) => (stage = name))
      send({ accepted: true, did })
    } catch (error) {
      if (process.env.VERBOSE) console.error(login, stage, error)
      send({ accepted: false, stage: error.stage ?? stage, error: describe(error) })
    }
  }
  process.exit(0)
}

/** A key pair with which a client proves who it is (`private_key_jwt`). */
export async function clientKey() {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  const { privateKey, publicKey } = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', publicKey)
  return { privateKey, jwk: { kty, crv, x, y, kid: 'client-key', alg: 'ES256', use: 'sig' } }
}
