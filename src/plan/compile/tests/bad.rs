//! Files that cannot be read as a scenario: the whole message of each, as a person sees it.

use super::*;

#[test]
fn empty() {
    insta::assert_snapshot!(told_of("empty"), @r#"
    error: empty.yaml is empty
      hint: begin with `scenario: what this shows`
    "#);
}

#[test]
fn only_comments() {
    insta::assert_snapshot!(told_of("only-comments"), @r#"
    error: only-comments.yaml is empty
      hint: begin with `scenario: what this shows`
    "#);
}

#[test]
fn not_a_mapping() {
    insta::assert_snapshot!(told_of("not-a-mapping"), @r#"
    error: a scenario is a mapping, this is a list
     --> not-a-mapping.yaml:1:3
      |
    1 | - open: https://app.test/
      |   ^^^^
      |
      = hint: begin with `scenario: what this shows`
    "#);
}

#[test]
fn nothing_to_do() {
    insta::assert_snapshot!(told_of("nothing-to-do"), @r#"
    error: `scenario` is missing
     --> nothing-to-do.yaml:1:1
      |
    1 | tags: [x]
      | ^
      |
      = hint: begin with `scenario: what this shows, in one sentence`

    error: `steps` is missing
     --> nothing-to-do.yaml:1:1
      |
    1 | tags: [x]
      | ^
      |
      = hint: add `steps:` with what is done, in order
    "#);
}

#[test]
fn invalid_utf8() {
    insta::assert_snapshot!(told_of("invalid-utf8"), @r#"
    error: invalid-utf8.yaml is not UTF-8: byte 33 does not belong
     --> invalid-utf8.yaml:2:22
      |
    2 | steps: [{ click: "caf�" }]
      |                      ^
      |
      = hint: save the file as UTF-8
    "#);
}

#[test]
fn tabs() {
    insta::assert_snapshot!(told_of("tabs"), @r#"
    error: a tab where YAML wants spaces
     --> tabs.yaml:3:1
      |
    3 |     - open: https://app.test/
      | ^^^^ a tab
      |
      = hint: indent with spaces; YAML does not allow tabs there (YAML 1.2 §6.1)
    "#);
}

#[test]
fn two_documents() {
    insta::assert_snapshot!(told_of("two-documents"), @r#"
    error: more than one YAML document
     --> two-documents.yaml:3:1
      |
    3 | ---
      | ^^^
      |
      = hint: keep one scenario in a file; split at `---`
    "#);
}

#[test]
fn unquoted_template() {
    insta::assert_snapshot!(told_of("unquoted-template"), @r#"
    error: not valid YAML: while parsing a flow mapping, did not find expected ',' or '}'
     --> unquoted-template.yaml:3:51
      |
    3 |   - get: { url: https://app.test/, query: { a: b-${c} } }
      |                                                   ^
      |
      = hint: a template wants quotes inside `{ }` and `[ ]`: "${name}"
    "#);
}

#[test]
fn duplicate_key() {
    insta::assert_snapshot!(told_of("duplicate-key"), @r#"
    error: key `id` is given twice
     --> duplicate-key.yaml:6:5
      |
    6 |     id: b
      |     ^^ the second one
      |
      = hint: keep one of them
    "#);
}

#[test]
fn deep_nesting() {
    insta::assert_snapshot!(told_of("deep-nesting"), @r#"
    error: nested too deeply: at most 48 levels
     --> deep-nesting.yaml:2:56
      |
    2 | steps: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[...
      |                                                        ^
      |
      = hint: move inner parts into a `flow`
    "#);
}

#[test]
fn deep_blocks() {
    insta::assert_snapshot!(told_of("deep-blocks"), @r#"
    error: nested too deeply: at most 48 levels
      --> deep-blocks.yaml:50:97
       |
    50 | ...                   a:
       |                       ^
       |
       = hint: move inner parts into a `flow`
    "#);
}

#[test]
fn alias_bomb() {
    insta::assert_snapshot!(told_of("alias-bomb"), @r#"
    error: aliases expand to too much: at most 20000 repeated parts
     --> alias-bomb.yaml:3:22
      |
    3 |   a: &a [x, x, x, x, x, x, x, x, x]
      |                      ^
      |
      = hint: use a `flow` or a variable instead of nested aliases
    "#);
}

#[test]
fn include_cycle() {
    insta::assert_snapshot!(told_of("include-cycle"), @r#"
    error: files use each other in a cycle: _cycle-a.yaml → _cycle-b.yaml → _cycle-a.yaml
     --> _cycle-b.yaml:1:7
      |
    1 | use: [_cycle-a.yaml]
      |       ^^^^^^^^^^^^^
      |
      = hint: move what both need into a third file
    "#);
}

#[test]
fn include_missing() {
    insta::assert_snapshot!(told_of("include-missing"), @r#"
    error: cannot read _nowhere.yaml: no such file
     --> include-missing.yaml:2:6
      |
    2 | use: _nowhere.yaml
      |      ^^^^^^^^^^^^^
    "#);
}

#[test]
fn unknown_verb() {
    insta::assert_snapshot!(told_of("unknown-verb"), @"
    error: unknown verb `opne`
     --> unknown-verb.yaml:4:5
      |
    4 |   - opne: https://app.test/
      |     ^^^^
      |
      = hint: did you mean `open`?

    error: unknown verb `teleport`
     --> unknown-verb.yaml:5:5
      |
    5 |   - teleport: https://app.test/
      |     ^^^^^^^^
      |
      = hint: verbs: open, click, fill, press, select, wait, reload, back, get, post, put, patch, delete, head, options, replay, again, cookies, race, repeat, poll, flow, sleep, calls, limit, probe, tcp, inbox, clock, boundary, fault, redis, process, tab, fetch, script, screenshot, dialog, passkey, deep_link
    ");
}

#[test]
fn two_verbs() {
    insta::assert_snapshot!(told_of("two-verbs"), @r#"
    error: a step has one verb, this one has `open` and `click`
     --> two-verbs.yaml:5:5
      |
    5 |     click: Log in
      |     ^^^^^ the second verb
      |
     ::: two-verbs.yaml:4:5
      |
    4 |   - open: https://app.test/
      |     ---- the first verb
      |
      = hint: begin a step of its own with `- click:`
    "#);
}

#[test]
fn no_verb() {
    insta::assert_snapshot!(told_of("no-verb"), @"
    error: a step without a verb: `id` stands alone
     --> no-verb.yaml:4:5
      |
    4 |   - id: lonely
      |     ^^
      |
      = hint: verbs: open, click, fill, press, select, wait, reload, back, get, post, put, patch, delete, head, options, replay, again, cookies, race, repeat, poll, flow, sleep, calls, limit, probe, tcp, inbox, clock, boundary, fault, redis, process, tab, fetch, script, screenshot, dialog, passkey, deep_link
    ");
}

#[test]
fn key_typo() {
    insta::assert_snapshot!(told_of("key-typo"), @r#"
    error: unknown key `step`
     --> key-typo.yaml:3:1
      |
    3 | step: []
      | ^^^^
      |
      = hint: did you mean `steps`?

    error: unknown key `exepct`
     --> key-typo.yaml:6:5
      |
    6 |     exepct: { status: 200 }
      |     ^^^^^^
      |
      = hint: did you mean `expect`?

    error: unknown key `sttus`
     --> key-typo.yaml:8:15
      |
    8 |     expect: { sttus: 200, json: { a: { contians: x } } }
      |               ^^^^^
      |
      = hint: did you mean `status`?

    error: unknown key `heders`
     --> key-typo.yaml:9:36
      |
    9 |   - get: { url: https://app.test/, heders: {} }
      |                                    ^^^^^^
      |
      = hint: did you mean `headers`?
    "#);
}

#[test]
fn types() {
    insta::assert_snapshot!(told_of("types"), @r#"
    error: expected text, found a list
     --> types.yaml:1:12
      |
    1 | scenario: [s]
      |            ^

    error: expected text, found a mapping
     --> types.yaml:2:9
      |
    2 | tags: { a: b }
      |         ^

    error: expected a mapping, found text
     --> types.yaml:5:11
      |
    5 |   - fill: Username
      |           ^^^^^^^^

    error: expected a whole number of at most 4294967295, found text
     --> types.yaml:6:22
      |
    6 |   - repeat: { times: many, steps: [] }
      |                      ^^^^

    error: expected `true` or nothing, found text
     --> types.yaml:7:13
      |
    7 |   - reload: no thanks
      |             ^^^^^^^^^

    error: expected a step such as `open: https://…`, found text
     --> types.yaml:8:5
      |
    8 |   - just text
      |     ^^^^^^^^^

    error: expected text, found nothing
      --> types.yaml:10:10
       |
    10 |   - sleep:
       |          ^
    "#);
}

#[test]
fn captures() {
    insta::assert_snapshot!(told_of("captures"), @"
    error: unknown source `statsu`
     --> captures.yaml:5:19
      |
    5 |     capture: { a: statsu, b: { jsn: x }, c: { json: x, header: y }, d: 7 }
      |                   ^^^^^^
      |
      = hint: did you mean `status`?
      = hint: or a mapping such as `{ json: user.id }`

    error: unknown source `jsn`
     --> captures.yaml:5:32
      |
    5 |     capture: { a: statsu, b: { jsn: x }, c: { json: x, header: y }, d: 7 }
      |                                ^^^
      |
      = hint: did you mean `json`?

    error: a capture has one source, this one has 2
     --> captures.yaml:5:47
      |
    5 |     capture: { a: statsu, b: { jsn: x }, c: { json: x, header: y }, d: 7 }
      |                                               ^^^^
      |
      = hint: one of: json, header, cookie, url, redirect, body, text, local, session

    error: expected where the value comes from, such as `status` or `{ json: user.id }`, found a number
     --> captures.yaml:5:72
      |
    5 |     capture: { a: statsu, b: { jsn: x }, c: { json: x, header: y }, d: 7 }
      |                                                                        ^
    ");
}

#[test]
fn faults() {
    insta::assert_snapshot!(told_of("faults"), @r#"
    error: unknown fault `code_mising`
     --> faults.yaml:8:16
      |
    8 |       faults: [code_mising, { claim_missing: email, code_missing: true }, { claim_mising: email }]
      |                ^^^^^^^^^^^
      |
      = hint: did you mean `code_missing`?

    error: one entry holds two faults
     --> faults.yaml:8:53
      |
    8 |       faults: [code_mising, { claim_missing: email, code_missing: true }, { claim_mising: email }]
      |                                                     ^^^^^^^^^^^^ the second one
      |
      = hint: make it an entry of its own

    error: unknown fault `claim_mising`
     --> faults.yaml:8:77
      |
    8 |       faults: [code_mising, { claim_missing: email, code_missing: true }, { claim_mising: email }]
      |                                                                             ^^^^^^^^^^^^
      |
      = hint: did you mean `claim_missing`?
    "#);
}

#[test]
fn switched_faults() {
    insta::assert_snapshot!(told_of("fault"), @"
    error: `99` is not an HTTP status (100 to 599)
     --> fault.yaml:3:56
      |
    3 |   https://id.test: { idp: { faults: [{ userinfo_error: 99 }, { slow: soon }, { reset: { endpoint: tokn } }, otp_unsent] } }
      |                                                        ^^

    error: `soon` is not a length of time such as `90s`
     --> fault.yaml:3:70
      |
    3 |   https://id.test: { idp: { faults: [{ userinfo_error: 99 }, { slow: soon }, { reset: { endpoint: tokn } }, otp_unsent] } }
      |                                                                      ^^^^

    error: `idp` has no endpoint `tokn`; there are: authorize, token, userinfo, jwks, discovery, introspect, revoke, end-session, login, consent, home
     --> fault.yaml:3:80
      |
    3 |   https://id.test: { idp: { faults: [{ userinfo_error: 99 }, { slow: soon }, { reset: { endpoint: tokn } }, otp_unsent] } }
      |                                                                                ^^^^^

    error: `otp_unsent` is a fault of `otp`, not of `idp`
     --> fault.yaml:3:109
      |
    3 |   https://id.test: { idp: { faults: [{ userinfo_error: 99 }, { slow: soon }, { reset: { endpoint: tokn } }, otp_unsent] } }
      |                                                                                                             ^^^^^^^^^^

    error: `alg_none` is a fault of `idp`, not of `edge`
     --> fault.yaml:7:45
      |
    7 |   - fault: { origin: https://app.test, add: alg_none }
      |                                             ^^^^^^^^

    error: `fault` changes nothing
     --> fault.yaml:8:22
      |
    8 |   - fault: { origin: https://id.test }
      |                      ^^^^^^^^^^^^^^^
      |
      = hint: give it `add`, `clear` or both

    error: unknown fault `alg_nine`
     --> fault.yaml:9:46
      |
    9 |   - fault: { origin: https://id.test, clear: alg_nine }
      |                                              ^^^^^^^^
      |
      = hint: did you mean `alg_none`?
    ");
}

#[test]
fn condition_as_text() {
    insta::assert_snapshot!(told_of("condition-as-text"), @r#"
    error: expected variables with their values, found text
     --> condition-as-text.yaml:3:24
      |
    3 |   - { sleep: 1s, when: "${guard} == cookie" }
      |                        ^^^^^^^^^^^^^^^^^^^^
      |
      = hint: write `when: { guard: bearer }`, or a list of values that will do
    "#);
}
