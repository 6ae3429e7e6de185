"""An OpenID provider on a port of this machine, with real keys.

It has discovery, JWKS, the device flow, and the authorization code flow with PKCE, in which the
person agrees at once.
"""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE = "tunelet"


class Provider:
    """Its tokens, and what it has been asked. `down` makes it answer 503 to everything."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {}
        self.published: dict[str, dict[str, Any]] = {}
        self.paths: list[str] = []
        self.forms: list[dict[str, str]] = []
        self.down = False
        self.polls: list[str] = []
        """The errors that polls of the device flow get before the person agrees."""
        self.life = 600
        """The seconds for which a token of the device flow counts."""
        self.discovered_issuer: str | None = None
        self.url = ""
        self.redirects: set[str] = set()
        """The addresses that the page's client may be sent back to."""
        self.subject = "ann"
        """Who signs in."""
        self.denies = False
        """Whether the person refuses."""
        self.codes: dict[str, dict[str, str]] = {}
        """What was asked for with each code that has not been used."""
        self.add_rsa("rsa")
        self.add_ec("ec")

    def add_rsa(self, kid: str) -> None:
        self.keys[kid] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._publish(kid, RSAAlgorithm.to_jwk(self.keys[kid].public_key(), as_dict=True))

    def add_ec(self, kid: str) -> None:
        self.keys[kid] = ec.generate_private_key(ec.SECP256R1())
        self._publish(kid, ECAlgorithm.to_jwk(self.keys[kid].public_key(), as_dict=True))

    def _publish(self, kid: str, jwk: dict[str, Any]) -> None:
        self.published[kid] = {**jwk, "kid": kid, "use": "sig"}

    def claims(self, **more: Any) -> dict[str, Any]:
        usual = {"iss": self.url, "aud": AUDIENCE, "sub": "ann", "exp": time.time() + 600}
        return {name: value for name, value in (usual | more).items() if value is not None}

    def token(self, kid: str = "rsa", alg: str | None = None, **claims: Any) -> str:
        usual = "RS256" if isinstance(self.keys[kid], rsa.RSAPrivateKey) else "ES256"
        return jwt.encode(self.claims(**claims), self.keys[kid], alg or usual, {"kid": kid})

    def answer(self, method: str, path: str, form: dict[str, str]) -> tuple[int, Any]:
        self.paths.append(path)
        if self.down:
            return 503, {}
        if method == "GET" and path.startswith("/authorize?"):
            return self._authorized(dict(parse_qsl(urlsplit(path).query)))
        match method, path:
            case "GET", "/.well-known/openid-configuration":
                return 200, {
                    "issuer": self.discovered_issuer or self.url,
                    "jwks_uri": f"{self.url}/jwks",
                    "authorization_endpoint": f"{self.url}/authorize",
                    "device_authorization_endpoint": f"{self.url}/device",
                    "token_endpoint": f"{self.url}/token",
                    "revocation_endpoint": f"{self.url}/revoke",
                }
            case "GET", "/jwks":
                return 200, {"keys": list(self.published.values())}
            case "POST", _:
                self.forms.append(form)
                return self._posted(path, form)
        return 404, {}

    def _authorized(self, asked: dict[str, str]) -> tuple[int, Any]:
        """Send the browser back with a code, if the request is one of a registered client."""
        right = asked.get("client_id") == "page" and asked.get("redirect_uri") in self.redirects
        if not right or asked.get("code_challenge_method") != "S256":
            return 400, {"error": "invalid_request"}
        answer = {"error": "access_denied"} if self.denies else {"code": secrets.token_urlsafe()}
        self.codes |= {answer["code"]: asked} if "code" in answer else {}
        back = urlencode({**answer, "state": asked["state"]})
        return 302, f"{asked['redirect_uri']}?{back}"

    def _of_code(self, form: dict[str, str]) -> tuple[int, Any]:
        asked = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if asked is None or (form["client_id"], form["redirect_uri"], challenge) != (
            *(asked["client_id"], asked["redirect_uri"]),
            asked["code_challenge"],
        ):
            return 400, {"error": "invalid_grant"}
        return 200, {
            "access_token": self.token(
                sub=self.subject, groups=["team-a"], exp=time.time() + self.life
            ),
            "expires_in": self.life,
            "refresh_token": "the-refresh-token",
        }

    def _posted(self, path: str, form: dict[str, str]) -> tuple[int, Any]:
        if path == "/device":
            return 200, {
                "device_code": "the-device-code",
                "user_code": "WXYZ-1234",
                "verification_uri": f"{self.url}/activate",
                "expires_in": 60,
                "interval": 0,
            }
        if path != "/token":
            return 200, {}
        if form.get("grant_type") == "authorization_code":
            return self._of_code(form)
        if form.get("grant_type") == "refresh_token":
            if form["refresh_token"] != "the-refresh-token":
                return 400, {"error": "invalid_grant"}
            return 200, {"access_token": self.token(sub="refreshed"), "expires_in": 600}
        if self.polls:
            return 400, {"error": self.polls.pop(0)}
        token = self.token(groups=["team-a"])
        return 200, {
            "access_token": token,
            "id_token": self.token(sub="by-id-token"),
            "expires_in": self.life,
            "refresh_token": "the-refresh-token",
            "token_type": "Bearer",
        }


@contextmanager
def serving(provider: Provider) -> Iterator[Provider]:
    """Serve the provider on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("GET", {})

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer("POST", {name: values[0] for name, values in parse_qs(raw).items()})

        def _answer(self, method: str, form: dict[str, str]) -> None:
            status, document = provider.answer(method, self.path, form)
            body = json.dumps(document).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", document)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
