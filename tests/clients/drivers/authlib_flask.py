"""Authlib (https://github.com/authlib/authlib) with its Flask integration, by the protocol of `protocol.mjs`."""

import json
import os
import secrets
import sys
import traceback

from authlib.integrations.flask_client import OAuth
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from flask import Flask, jsonify, request
from joserfc.jwk import ECKey

BASE = "https://app.example.test"
KEY = ECKey.generate_key("P-256", {"kid": "client-key", "alg": "ES256", "use": "sig"}, private=True)


class Stuck(Exception):
    """The user went nowhere: the provider shows a page that leads no further."""


def receive():
    line = sys.stdin.readline()
    return json.loads(line) if line else None


def send(message):
    print(json.dumps(message), flush=True)


def browse(url, until):
    send({"open": url, "until": until})
    arrived = receive()
    if "stuck" in arrived:
        raise Stuck(arrived["stuck"])
    return arrived


def describe(error):
    """The error's class, and the one word that says more; nothing that changes from run to run."""
    if isinstance(error, Stuck):
        return str(error)
    name = type(error).__name__
    status = getattr(getattr(error, "response", None), "status_code", None)
    detail = getattr(error, "claim", None) or getattr(error, "error", None) or status
    return f"{name}: {detail}" if detail else name


def application(login):
    app = Flask("relying-party")
    app.secret_key = secrets.token_bytes(32)
    app.testing = True
    oauth = OAuth(app)
    how = login["client_auth"]
    provider = oauth.register(
        "provider",
        client_id=login["client_id"],
        client_secret=KEY if how == "private_key_jwt" else login.get("client_secret"),
        server_metadata_url=login["issuer"] + ".well-known/openid-configuration",
        client_kwargs={
            "scope": login["scope"],
            "code_challenge_method": "S256",
            "token_endpoint_auth_method": how,
        },
        **({"client_auth_methods": [PrivateKeyJWT(alg="ES256")]} if how == "private_key_jwt" else {}),
    )
    extra = {"response_mode": login["response_mode"]} if login.get("response_mode") else {}

    @app.get("/login")
    def start():
        return provider.authorize_redirect(login["redirect_uri"], **extra)

    @app.route("/callback", methods=["GET", "POST"])
    def callback():
        return jsonify(provider.authorize_access_token())

    @app.post("/userinfo")
    def userinfo():
        return jsonify(provider.userinfo(token=request.get_json()))

    @app.post("/refresh")
    def refresh():
        token = request.get_json()["refresh_token"]
        return jsonify(provider.fetch_access_token(grant_type="refresh_token", refresh_token=token))

    @app.post("/logout")
    def logout():
        hint = request.get_json()["id_token"]
        return provider.logout_redirect(login["post_logout_redirect_uri"], id_token_hint=hint)

    @app.get("/")
    def logged_out():
        return jsonify(provider.validate_logout_response())

    return app.test_client(), provider


def perform(login, stage):
    app, provider = application(login)
    stage("discovery")
    location = app.get("/login", base_url=BASE).headers["Location"]
    stage("authorize")
    arrived = browse(location, login["redirect_uri"])
    # Authlib checks the response and redeems the code in one call.
    stage("token")
    path = arrived["url"].removeprefix(BASE)
    if arrived["method"] == "POST":
        form = {"data": arrived["body"], "content_type": "application/x-www-form-urlencoded"}
        tokens = app.post(path, base_url=BASE, **form).get_json()
    else:
        tokens = app.get(path, base_url=BASE).get_json()
    if "userinfo" not in tokens:
        raise ValueError("no id_token")
    did = ["login", "id_token"]
    stage("userinfo")
    app.post("/userinfo", base_url=BASE, json=tokens)
    did.append("userinfo")
    if "refresh_token" in tokens:
        stage("refresh")
        refreshed = app.post("/refresh", base_url=BASE, json=tokens).get_json()
        stage("userinfo")
        app.post("/userinfo", base_url=BASE, json=refreshed)
        did.append("refresh")
    if login["logout"]:
        stage("logout")
        end = app.post("/logout", base_url=BASE, json=tokens).headers["Location"]
        back = browse(end, login["post_logout_redirect_uri"])["url"]
        app.get(back.removeprefix(BASE), base_url=BASE)
        did.append("logout")
    return did


def main():
    public = KEY.as_dict(private=False)
    send({"redirect_uri": f"{BASE}/callback", "post_logout_redirect_uri": f"{BASE}/", "jwk": public})
    while (login := receive()) is not None:
        at = {"stage": "start"}
        try:
            did = perform(login, lambda name: at.update(stage=name))
            send({"accepted": True, "did": did})
        except Exception as error:  # whatever the library raises is the outcome
            if os.environ.get("VERBOSE"):
                traceback.print_exc()
            send({"accepted": False, "stage": at["stage"], "error": describe(error)})


main()
