// Playwright (https://playwright.dev) for the benchmark: `node playwright.mjs CHROMIUM PROXY`, then one command a line on stdin.
//
// `flow` logs in to mosaic in a new context; `page` opens one page in a new context and keeps it; `close` closes those. Each is
// answered by a line of JSON: what was done, and how many milliseconds it took, making of the context included, its closing not.

import { createInterface } from 'node:readline'
import { chromium } from 'playwright-core'

const [executablePath, server] = process.argv.slice(2)
const app = 'https://app.mosaic.test'
const browser = await chromium.launch({
  executablePath,
  args: ['--disable-gpu', '--disable-quic'],
  chromiumSandbox: process.getuid() !== 0,
})
const kept = []

async function context() {
  const made = await browser.newContext({ ignoreHTTPSErrors: true, proxy: { server } })
  return [made, await made.newPage()]
}

const commands = {
  async flow() {
    const [made, page] = await context()
    await page.goto(`${app}/login`)
    await page.getByRole('button', { name: 'Sign in with Authentik' }).click()
    await page.getByLabel('Username').fill('jarvis')
    await page.getByLabel('Password').fill(process.env.JARVIS_PASSWORD ?? 'lab-only-password')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.waitForURL(`${app}/`)
    return () => made.close()
  },
  async page() {
    const [made, page] = await context()
    await page.goto(`${app}/health`)
    kept.push(made)
  },
  async close() {
    await Promise.all(kept.splice(0).map((made) => made.close()))
  },
}

console.log(JSON.stringify({ did: 'launch' }))
for await (const line of createInterface({ input: process.stdin })) {
  const began = performance.now()
  const close = await commands[line.trim()]()
  const ms = performance.now() - began
  await close?.()
  console.log(JSON.stringify({ did: line.trim(), ms }))
}
await browser.close()
