//! Pages of every kind that a real browser knows and a plain client does not, each with a sign-in in it.
//!
//! | page | what is in it |
//! |---|---|
//! | `/` | a single-page sign-in: the form comes late, JSON goes out, the route changes without a page load, tokens in web storage |
//! | `/shadow` | a sign-in within nested shadow roots |
//! | `/frames` | a frame of this origin, and in it one of `WIDGET` with a sign-in that tells the page by a message |
//! | `/popup` | a sign-in in a window of its own, which tells its opener and closes |
//! | `/tabs` | a link that opens another tab |
//! | `/dialogs` | questions by `alert`, `confirm` and `prompt` |
//! | `/errors` | errors on the console, an exception and a rejection that nothing catches |
//! | `/app-link` | a sign-in that ends at `alga://callback` |
//! | `/worker` | a service worker that answers in the server's place |
//! | `/cache` | an answer that may be kept, and a page that is fetched before it is asked for |
//!
//! | answer | |
//! |---|---|
//! | `POST /api/login` `{"name", "password"}` | 200 with a token and a session cookie, or 401 |
//! | `GET /api/me` | who is signed in, or 401 |
//! | `GET /api/rates` | an answer that caches may keep for an hour |
//! | `GET /app-link/done` | a redirect to `alga://callback` |
//! | `GET /health` | readiness |
//!
//! | variable | meaning | when absent |
//! |---|---|---|
//! | `WIDGET` | where the frame of another site comes from | this origin |
//! | `PASSWORD` | the password of `ada` | `lab-only` |
//! | `FAULT` | `none`, `silent-popup` (tells its opener nothing), `stale-worker` (answers that somebody is still signed in), `throws` (the script of the sign-in), `forgets-token` (nothing is kept in storage) | `none` |

mod router;

pub(crate) use router::router;
