//! Values that mean nothing: the whole message of each, as a person sees it.

use super::*;

#[test]
fn backends() {
    insta::assert_snapshot!(told_of("backends"), @r#"
    error: `run` names no program
     --> backends.yaml:3:3
      |
    3 |   https://a.test: { process: { run: [], ready: { get: health } } }
      |   ^^^^^^^^^^^^^^
      |
      = hint: write `run: [program, argument]`

    error: `health` is not a path
     --> backends.yaml:3:55
      |
    3 |   https://a.test: { process: { run: [], ready: { get: health } } }
      |                                                       ^^^^^^
      |
      = hint: a path begins with `/`

    error: `ready` wants one of `get`, `tcp` and `log`
     --> backends.yaml:4:56
      |
    4 |   https://b.test: { process: { run: [b], ready: { get: /x, log: y } } }
      |                                                        ^^

    error: an upstream is `http` or `https`, not `ftp`
     --> backends.yaml:5:31
      |
    5 |   https://c.test: { upstream: "ftp://c.test" }
      |                               ^^^^^^^^^^^^^^

    error: a route without a reply
     --> backends.yaml:6:36
      |
    6 |   https://d.test: { stub: [{ path: d }, { path: /d, reply: { json: 1, body: x }, replies: [{}] }] }
      |                                    ^
      |
      = hint: add `reply: { status: 200, json: … }`

    error: `d` is not a path
     --> backends.yaml:6:36
      |
    6 |   https://d.test: { stub: [{ path: d }, { path: /d, reply: { json: 1, body: x }, replies: [{}] }] }
      |                                    ^
      |
      = hint: a path begins with `/`

    error: a route has `reply` or `replies`, not both
     --> backends.yaml:6:49
      |
    6 |   https://d.test: { stub: [{ path: d }, { path: /d, reply: { json: 1, body: x }, replies: [{}] }] }
      |                                                 ^^
      |
      = hint: put the first one into `replies`

    error: a reply has `json` or `body`, not both
     --> backends.yaml:6:77
      |
    6 |   https://d.test: { stub: [{ path: d }, { path: /d, reply: { json: 1, body: x }, replies: [{}] }] }
      |                                                                             ^
    "#);
}

#[test]
fn bad_duration() {
    insta::assert_snapshot!(told_of("bad-duration"), @r#"
    error: `15` is not a duration
     --> bad-duration.yaml:3:27
      |
    3 | settings: { step_timeout: 15 }
      |                           ^^
      |
      = hint: write a number and a unit: `250ms`, `10s`, `5m`, `1h`, `7d`

    error: `10 parsecs` is not a duration
     --> bad-duration.yaml:5:12
      |
    5 |   - sleep: 10 parsecs
      |            ^^^^^^^^^^
      |
      = hint: write a number and a unit: `250ms`, `10s`, `5m`, `1h`, `7d`

    error: `soon` is not a duration
     --> bad-duration.yaml:7:14
      |
    7 |     timeout: soon
      |              ^^^^
      |
      = hint: write a number and a unit: `250ms`, `10s`, `5m`, `1h`, `7d`
    "#);
}

#[test]
fn bad_json_path() {
    insta::assert_snapshot!(told_of("bad-json-path"), @r#"
    error: `a..b` is not a path into JSON
     --> bad-json-path.yaml:5:23
      |
    5 |     expect: { json: { a..b: 1, "$.a[?": 2 } }
      |                       ^^^^
      |
      = hint: write `user.email`, `items[0].id`, or a JSONPath that begins with `$` (RFC 9535)

    error: not a JSONPath: in long-hand segment, parser error
     --> bad-json-path.yaml:5:32
      |
    5 |     expect: { json: { a..b: 1, "$.a[?": 2 } }
      |                                ^^^^^^^
      |
      = hint: write `user.email`, `items[0].id`, or a JSONPath that begins with `$` (RFC 9535)

    error: `a[` is not a path into JSON
     --> bad-json-path.yaml:6:27
      |
    6 |     capture: { x: { json: "a[" } }
      |                           ^^^^
      |
      = hint: write `user.email`, `items[0].id`, or a JSONPath that begins with `$` (RFC 9535)
    "#);
}

#[test]
fn bad_regex() {
    insta::assert_snapshot!(told_of("bad-regex"), @r#"
    error: not a regular expression: unclosed group
     --> bad-regex.yaml:5:38
      |
    5 |     expect: { body: { matches: "user=(a|b" } }
      |                                      ^

    error: not a regular expression: invalid character class range, the start must be <= the end
     --> bad-regex.yaml:6:29
      |
    6 |     capture: { x: { body: "[z-a]" } }
      |                             ^^^
    "#);
}

#[test]
fn idp() {
    insta::assert_snapshot!(told_of("idp"), @r#"
    error: unknown consent `maybe`
     --> idp.yaml:5:16
      |
    5 |       consent: maybe
      |                ^^^^^
      |
      = hint: there are: explicit, once, implicit

    error: secret `e` cannot stand in a claim
     --> idp.yaml:6:51
      |
    6 |       users: { j: { password: x, claims: { email: "${secret.e}" } } }
      |                                                   ^^^^^^^^^^^^^

    error: client `c` has no redirect URI
     --> idp.yaml:7:18
      |
    7 |       clients: { c: { redirect_uris: [] } }
      |                  ^
      |
      = hint: list them under `redirect_uris`
    "#);
}

#[test]
fn loops() {
    insta::assert_snapshot!(told_of("loops"), @r#"
    error: `race` has no one response for `expect` to look at
     --> loops.yaml:5:15
      |
    5 |     expect: { status: 200 }
      |               ^^^^^^
      |
      = hint: put it on a step inside

    error: `repeat` has no one response for `expect` to look at
     --> loops.yaml:7:15
      |
    7 |     expect: { json: { a: 1 } }
      |               ^^^^
      |
      = hint: put it on a step inside
    "#);
}

#[test]
fn mfa() {
    insta::assert_snapshot!(told_of("mfa"), @r#"
    error: unknown style of pages `shadwo`
     --> mfa.yaml:5:14
      |
    5 |       pages: shadwo
      |              ^^^^^^
      |
      = hint: did you mean `shadow`?

    error: user `a` has no seed for `mfa: totp`
     --> mfa.yaml:7:32
      |
    7 |         a: { password: x, mfa: totp }
      |                                ^^^^
      |
      = hint: give the seed of the authenticator app in base32: `totp: "${secret.seed}"`

    error: the seed is not base32 (letters and the digits 2 to 7)
     --> mfa.yaml:8:44
      |
    8 |         b: { password: x, mfa: totp, totp: "${secret.seed}" }
      |                                            ^^^^^^^^^^^^^^^^
      |
      = hint: take the text that the authenticator app was set up with

    error: user `c` has no e-mail address for `mfa: mail`
     --> mfa.yaml:9:32
      |
    9 |         c: { password: x, mfa: mail }
      |                                ^^^^
      |
      = hint: add it: `claims: { email: name@example.test }`

    error: a seed that nothing asks for
      --> mfa.yaml:10:33
       |
    10 |         d: { password: x, totp: GEZDGNBVGY3TQOJQ }
       |                                 ^^^^^^^^^^^^^^^^
       |
       = hint: add `mfa: totp`

    error: unknown second factor `sms`
      --> mfa.yaml:11:32
       |
    11 |         e: { password: x, mfa: sms }
       |                                ^^^
       |
       = hint: there are: totp, mail

    error: the seed is shorter than 10 bytes (16 characters)
      --> mfa.yaml:12:44
       |
    12 |         f: { password: x, mfa: totp, totp: GEZDGNBV }
       |                                            ^^^^^^^^
       |
       = hint: take the text that the authenticator app was set up with
    "#);
}

#[test]
fn matchers() {
    insta::assert_snapshot!(told_of("matchers"), @r#"
    error: not a status
     --> matchers.yaml:6:15
      |
    6 |       status: 99x
      |               ^^^
      |
      = hint: write `200`, a class such as `4xx`, or a list of which one will do

    error: unknown matcher `a`
     --> matchers.yaml:7:14
      |
    7 |       url: { a: b }
      |              ^
      |
      = hint: there are: equals, not, contains, matches, starts_with, ends_with, exists, type, one_of, gt, gte, lt, lte, length, empty, each

    error: unknown matcher `exist`
     --> matchers.yaml:8:25
      |
    8 |       header: { vary: { exist: true } }
      |                         ^^^^^
      |
      = hint: did you mean `exists`?
      = hint: to compare with an object that has this key, write `equals: { … }`

    error: unknown word for a cookie `gone`
     --> matchers.yaml:9:22
      |
    9 |       cookie: { sid: gone }
      |                      ^^^^
      |
      = hint: there are: present, absent, set, stored, sent, deleted

    error: unknown matcher `contians`
      --> matchers.yaml:10:20
       |
    10 |       json: { a: { contians: x }, b: { type: strnig }, c: { one_of: x }, d: { gt: few }, e: { exists: maybe } }
       |                    ^^^^^^^^
       |
       = hint: did you mean `contains`?
       = hint: to compare with an object that has this key, write `equals: { … }`

    error: unknown type `strnig`
      --> matchers.yaml:10:46
       |
    10 |       json: { a: { contians: x }, b: { type: strnig }, c: { one_of: x }, d: { gt: few }, e: { exists: maybe } }
       |                                              ^^^^^^
       |
       = hint: did you mean `string`?

    error: expected a list, found text
      --> matchers.yaml:10:69
       |
    10 |       json: { a: { contians: x }, b: { type: strnig }, c: { one_of: x }, d: { gt: few }, e: { exists: maybe } }
       |                                                                     ^

    error: `few` is not a number
      --> matchers.yaml:10:83
       |
    10 |       json: { a: { contians: x }, b: { type: strnig }, c: { one_of: x }, d: { gt: few }, e: { exists: maybe } }
       |                                                                                   ^^^

    error: expected `true` or `false`, found text
      --> matchers.yaml:10:103
       |
    10 |       json: { a: { contians: x }, b: { type: strnig }, c: { one_of: x }, d: { gt: few }, e: { exists: maybe } }
       |                                                                                                       ^^^^^

    error: `2 parsecs` is not a duration
      --> matchers.yaml:11:22
       |
    11 |       time: { under: 2 parsecs }
       |                      ^^^^^^^^^
       |
       = hint: write a number and a unit: `250ms`, `10s`, `5m`, `1h`, `7d`

    error: expected a number, found a list
      --> matchers.yaml:12:19
       |
    12 |       hop_count: [1]
       |                   ^

    error: `sleep` has no one response for `expect` to look at
      --> matchers.yaml:14:15
       |
    14 |     expect: { status: 200 }
       |               ^^^^^^
       |
       = hint: use a step of its own: `- expect: …`

    error: `times` is between 1 and 10000
      --> matchers.yaml:15:22
       |
    15 |   - repeat: { times: 0, steps: [] }
       |                      ^

    error: `repeat` has no steps
      --> matchers.yaml:15:22
       |
    15 |   - repeat: { times: 0, steps: [] }
       |                      ^
    "#);
}

#[test]
fn origin_without_backend() {
    insta::assert_snapshot!(told_of("origin-without-backend"), @"
    error: nothing stands behind https://app.test
     --> origin-without-backend.yaml:3:3
      |
    3 |   https://app.test: {}
      |   ^^^^^^^^^^^^^^^^
      |
      = hint: say what answers for it: `process`, `container`, `stub`, `idp`, `gotrue`, `otp`, `inbox`, `replay`, `upstream` or `port_of`

    error: several things stand behind https://two.test
     --> origin-without-backend.yaml:4:3
      |
    4 |   https://two.test: { upstream: https://two.test, stub: [] }
      |   ^^^^^^^^^^^^^^^^
      |
      = hint: keep one of `process`, `container`, `stub`, `idp`, `gotrue`, `otp`, `inbox`, `replay`, `upstream` or `port_of`

    error: `https://path.test/x` has a path, query, fragment or user name; an origin ends after host and port
     --> origin-without-backend.yaml:5:3
      |
    5 |   https://path.test/x: { stub: [] }
      |   ^^^^^^^^^^^^^^^^^^^
      |
      = hint: write scheme, host and, if it is not the usual one, port: `https://app.mosaic.test`

    error: origin https://same.test is declared twice
     --> origin-without-backend.yaml:7:3
      |
    7 |   https://SAME.test:443: { stub: [] }
      |   ^^^^^^^^^^^^^^^^^^^^^ the second one
      |
     ::: origin-without-backend.yaml:6:3
      |
    6 |   https://same.test: { stub: [] }
      |   ----------------- the first one
      |
      = hint: keep one of them
    ");
}

#[test]
fn requests() {
    insta::assert_snapshot!(told_of("requests"), @r#"
    error: a request has one body, this one has `json` and `form`
     --> requests.yaml:4:18
      |
    4 |   - post: { url: https://app.test/, json: {}, form: { a: b } }
      |                  ^^^^^^^^^^^^^^^^^
      |
      = hint: keep one of them

    error: a request cannot come from `pages`
     --> requests.yaml:5:43
      |
    5 |   - post: { url: https://app.test/, from: pages }
      |                                           ^^^^^
      |
      = hint: did you mean `page`?

    error: `a b` is not the name of a header
     --> requests.yaml:6:48
      |
    6 |   - post: { url: https://app.test/, headers: { "a b": c } }
      |                                                ^^^^^

    error: no change of cookies is named
     --> requests.yaml:7:16
      |
    7 |   - cookies: { at: https://app.test/ }
      |                ^^
      |
      = hint: give it `set`, `value`, `rename`, `delete` or `clear`

    error: `wait` does not know what to wait for
     --> requests.yaml:8:5
      |
    8 |   - wait: {}
      |     ^^^^
      |
      = hint: give it `url`, `text` or `visible`

    error: `poll` does not know what to wait for
     --> requests.yaml:9:21
      |
    9 |   - poll: { step: { get: https://app.test/ } }
      |                     ^^^
      |
      = hint: put `expect` on the step inside

    error: a race wants at least two steps
      --> requests.yaml:10:5
       |
    10 |   - race: [{ sleep: 1s }]
       |     ^^^^

    error: `input[` is not a CSS selector: Unexpected EOL
      --> requests.yaml:11:12
       |
    11 |   - click: css=input[
       |            ^^^^^^^^^^
    "#);
}
