// oauth2-mock-server (https://github.com/axa-group/oauth2-mock-server) for the benchmark: `node oauth2-mock-server.mjs PORT`.

import { OAuth2Server } from 'oauth2-mock-server'

const [port] = process.argv.slice(2)
const server = new OAuth2Server()
await server.issuer.keys.generate('ES256')
await server.start(Number(port), '127.0.0.1')
