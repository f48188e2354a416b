// @supabase/supabase-js (https://github.com/supabase/supabase-js): sign-in through a provider with PKCE, and a session's life.

import { createClient } from '@supabase/supabase-js'
import { browse, serve } from './protocol.mjs'

/** What a tab would keep. */
function storage() {
  const kept = new Map()
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  }
}

/** The library returns its errors; here they are thrown. */
function result({ data, error }) {
  if (error) throw error
  return data
}

await serve({ redirect_uri: 'https://app.example.test/auth/callback' }, async (login, stage) => {
  stage('authorize')
  const supabase = createClient(login.url, login.key, {
    auth: { flowType: 'pkce', storage: storage(), autoRefreshToken: false, detectSessionInUrl: false },
  })
  const options = { redirectTo: login.redirect_uri, skipBrowserRedirect: true }
  const { url } = result(await supabase.auth.signInWithOAuth({ provider: login.provider, options }))
  const arrived = new URL((await browse(url, login.redirect_uri)).url)

  // As the library's own guide has it: the page behind the redirect looks for an error, then exchanges the code.
  stage('callback')
  const error = arrived.searchParams.get('error_code') ?? arrived.searchParams.get('error')
  if (error) throw Object.assign(new Error('the server sent the user back with an error'), { code: error })

  stage('token')
  const { session, user } = result(await supabase.auth.exchangeCodeForSession(arrived.searchParams.get('code')))
  if (!session.access_token || !user.id) throw new Error('the session is empty')
  const did = ['login']

  stage('user')
  const { user: asked } = result(await supabase.auth.getUser())
  if (asked.id !== user.id || asked.email !== user.email) throw new Error('the server knows another user')
  did.push('user')

  stage('refresh')
  const refreshed = result(await supabase.auth.refreshSession())
  if (refreshed.user.id !== user.id) throw new Error('the refreshed session is another user\'s')
  result(await supabase.auth.getUser())
  did.push('refresh')

  stage('claims')
  const { claims } = result(await supabase.auth.getClaims())
  if (claims.sub !== user.id) throw new Error('the token names another user')
  did.push('claims')

  stage('sign-out')
  const { refresh_token } = refreshed.session
  // Of this call there is only an error to return.
  const { error: refused } = await supabase.auth.signOut({ scope: login.sign_out })
  if (refused) throw refused
  const ended = login.sign_out !== 'others'
  if (!result(await supabase.auth.getSession()).session !== ended) throw new Error('another session was ended')
  const { error: late } = await supabase.auth.refreshSession({ refresh_token })
  if (!late === ended) throw new Error('the refresh token does not tell whether the session ended')
  did.push('sign-out')
  return did
})
