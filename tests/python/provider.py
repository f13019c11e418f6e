"""A small OpenID provider, with PKCE, for tests of sign-on: real HTTP and real signatures. `spoil` makes it give tokens that must be refused."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CLIENT, SECRET = "rollcall", "a secret of the tests"


class Provider:
    """Whoever comes is `email`. Codes are of one use, and only for whoever has the verifier of the challenge."""

    def __init__(self) -> None:
        self.key, self.other_key = (RSAKey.generate_key(2048, {"kid": kid, "use": "sig"}) for kid in ("one", "one"))
        self.email = "ada@oak.example"
        self.spoil: Callable[[dict], dict] = lambda claims: claims
        self.sign: Callable[[dict], str] = self.signed
        self.codes: dict[str, dict[str, str]] = {}
        self.ended: list[dict[str, str]] = []
        self.issuer = self.named = ""

    def signed(self, claims: dict) -> str:
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.key)

    def signed_by_another(self, claims: dict) -> str:
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, self.other_key)

    def unsigned(self, claims: dict) -> str:
        head, body = (_part(json.dumps(each).encode()) for each in ({"alg": "none"}, claims))
        return f"{head}.{body}."

    def signed_with_the_public_key(self, claims: dict) -> str:
        """The known confusion: the public key taken for a shared secret."""
        return jwt.encode({"alg": "HS256", "kid": "one"}, claims, OctKey.import_key(self.key.as_pem(private=False)))

    def signed_with_the_secret(self, claims: dict) -> str:
        return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(SECRET.ljust(32, "x")))

    # What a browser and the dashboard ask

    def metadata(self) -> dict:
        return {
            "issuer": self.named or self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "end_session_endpoint": f"{self.issuer}/end",
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            "code_challenge_methods_supported": ["S256"],
        }

    def authorize(self, asked: dict[str, str]) -> str:
        assert (
            asked["client_id"] == CLIENT
            and asked["response_type"] == "code"
            and asked["code_challenge_method"] == "S256"
        )
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked | {"email": self.email}
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, asked: dict[str, str], client: str) -> dict | None:
        begun = self.codes.pop(asked.get("code", ""), None)
        challenge = _part(hashlib.sha256(asked.get("code_verifier", "").encode()).digest())
        if client != f"{CLIENT}:{SECRET}" or begun is None or begun["code_challenge"] != challenge:
            return None
        now = int(time.time())
        claims = {
            "iss": self.issuer, "sub": begun["email"], "aud": CLIENT, "nonce": begun["nonce"], "iat": now, "exp": now + 300,
            "email": begun["email"], "email_verified": True,
        }  # fmt: skip
        token = self.sign(self.spoil(claims))
        return {"access_token": secrets.token_urlsafe(16), "token_type": "Bearer", "expires_in": 300, "id_token": token}


def _part(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


@contextmanager
def serving() -> Iterator[Provider]:
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self, code: int, content: object = None, **headers: str) -> None:
            body = json.dumps(content).encode()
            self.send_response(code)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
            if parts.path == "/.well-known/openid-configuration":
                self._answer(200, provider.metadata())
            elif parts.path == "/keys":
                self._answer(200, {"keys": [provider.key.as_dict(private=False)]})
            elif parts.path == "/authorize":
                self._answer(302, Location=provider.authorize(asked))
            elif parts.path == "/end":
                provider.ended.append(asked)
                self._answer(302, Location=asked["post_logout_redirect_uri"])
            else:
                self._answer(404)

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            asked = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
            client = base64.b64decode(self.headers.get("Authorization", " ").split(" ")[1]).decode()
            found = provider.token(asked, client)
            self._answer(200, found) if found else self._answer(400, {"error": "invalid_grant"})

        def log_message(self, *_: object) -> None:
            """Quietly."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.issuer = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
