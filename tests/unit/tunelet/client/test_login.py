"""`tunelet login` at a service and an issuer over HTTP, and what a client sends afterwards."""

import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from functions.identity.config import parse
from functions.identity.configured import configured
from functions.wiring import function
from tests.unit.functions.conftest import LIMIT, World
from tests.unit.functions.identity.issuer import AUDIENCE, Provider, serving
from tunelet.cli import main
from tunelet.client import Client, device, logins
from tunelet.client.logins import Login
from tunelet.errors import Reject, Unauthorized

Text = pytest.CaptureFixture[str]


class Served:
    """A service on a port of this machine, and the bearer tokens that it got."""

    def __init__(self, provider: Provider) -> None:
        named = {"issuer": provider.url, "client_id": "cli", "audience": "tunelet"}
        issuer = {"url": provider.url, "audiences": [AUDIENCE], "prefix": "ours:"}
        world = World()
        gate = configured(parse({"issuers": [issuer], "login": named}))
        answer = function("api", world.service, world.outbox, LIMIT, gate)
        self.sent: list[str | None] = []

        @Request.application
        def app(request: Request) -> Response:
            self.sent.append(request.headers.get("Authorization"))
            return answer(request)

        self.server = make_server("127.0.0.1", 0, app, threaded=True)
        self.url = f"http://127.0.0.1:{self.server.port}"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with serving(Provider()) as provider:
        yield provider


@pytest.fixture
def served(provider: Provider) -> Iterator[Served]:
    service = Served(provider)
    thread = threading.Thread(target=service.server.serve_forever, args=(0.02,))
    thread.start()
    yield service
    service.server.shutdown()
    thread.join()
    service.server.server_close()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("TUNELET_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.delenv("TUNELET_TOKEN", raising=False)
    monkeypatch.setitem(sys.modules, "keyring", None)
    return tmp_path


def signed_in(served: Served) -> Login:
    assert main(["login", "--url", served.url]) == 0
    login = logins.get(served.url)
    assert login is not None
    return login


def altered(served: Served, **members: Any) -> Login:
    """Sign in, and alter what is kept of it; returns what was kept before."""
    login = signed_in(served)
    logins.put(served.url, login._replace(**members))
    return login


def test_a_person_signs_in_and_out(provider: Provider, served: Served, capsys: Text) -> None:
    provider.polls = ["authorization_pending", "authorization_pending"]
    login = signed_in(served)
    shown = capsys.readouterr()
    assert f"Open {provider.url}/activate and enter the code WXYZ-1234" in shown.err
    assert "as ours:ann" in shown.out
    asked = {"client_id": "cli", "scope": "openid offline_access", "audience": "tunelet"}
    assert provider.forms[0] == asked
    path = logins.file()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0
    assert main(["whoami", "--url", served.url]) == 0
    assert "ours:ann, known by oidc" in capsys.readouterr().out
    assert main(["logout", "--url", served.url]) == 0
    assert provider.forms[-1]["token"] == "the-refresh-token"
    assert json.loads(path.read_text()) == {}
    assert main(["whoami", "--url", served.url]) == 6
    everything = shown.out + shown.err + "".join(capsys.readouterr()) + repr(login)
    for secret in (login.token, "the-refresh-token", "the-device-code"):
        assert secret not in everything


@pytest.mark.parametrize("word", ["access_denied", "expired_token", "invalid_client"])
def test_a_refusal_ends_the_sign_in(
    provider: Provider, served: Served, capsys: Text, word: str
) -> None:
    provider.polls = ["authorization_pending", word]
    assert main(["login", "--url", served.url]) == 6
    assert word in capsys.readouterr().err
    assert logins.get(served.url) is None


SETTINGS = {"client_id": "cli", "scope": "openid"}


def test_an_issuer_that_asks_for_patience_gets_it(provider: Provider) -> None:
    provider.polls = ["authorization_pending", "slow_down", "authorization_pending"]
    pauses: list[float] = []
    device.signed_in(SETTINGS | {"issuer": provider.url}, lambda _: None, pauses.append)
    assert pauses == [0.0, 0.0, 5.0, 5.0]


def test_a_code_that_is_not_used_expires(provider: Provider) -> None:
    provider.polls = ["authorization_pending"] * 100
    times = iter(range(0, 10_000, 20))
    settings = SETTINGS | {"issuer": provider.url}
    with pytest.raises(Unauthorized, match="has expired"):
        device.signed_in(settings, lambda _: None, lambda _: None, lambda: next(times))
    assert len(provider.polls) > 90


def test_the_service_says_which_token_it_wants(provider: Provider) -> None:
    settings = SETTINGS | {"issuer": provider.url, "token": "id_token"}
    login = device.signed_in(settings, lambda _: None, lambda _: None)
    claims = jwt.decode(login.token, options={"verify_signature": False})
    assert (claims["sub"], login.kind) == ("by-id-token", "id_token")


def test_an_issuer_elsewhere_has_to_be_https() -> None:
    with pytest.raises(Reject, match="not an https"):
        device.discovered("http://issuer.example")


def test_a_sign_in_that_ends_soon_is_renewed_before_a_request(
    provider: Provider, served: Served
) -> None:
    old = altered(served, expires_at=0.0)
    assert Client(served.url).whoami()["name"] == "ours:refreshed"
    assert served.sent[-1] != f"Bearer {old.token}"
    login = logins.get(served.url)
    assert login is not None
    assert login.refresh_token == "the-refresh-token"
    before = len(provider.forms)
    Client(served.url).whoami()
    assert len(provider.forms) == before


def test_a_token_that_the_service_refuses_is_renewed_once(
    provider: Provider, served: Served
) -> None:
    altered(served, token=provider.token(exp=1))
    assert Client(served.url).whoami()["name"] == "ours:refreshed"


def test_a_sign_in_that_the_issuer_ended_asks_for_another(served: Served, capsys: Text) -> None:
    altered(served, expires_at=0.0, refresh_token="used")
    assert main(["whoami", "--url", served.url]) == 6
    assert "tunelet login" in capsys.readouterr().err
    assert main(["login", "--url", served.url]) == 0


def test_a_token_that_still_counts_is_sent_while_the_issuer_is_away(
    provider: Provider, served: Served
) -> None:
    provider.life = 30
    signed_in(served)
    provider.down = True
    assert Client(served.url).whoami()["name"] == "ours:ann"


def test_many_clients_renew_a_sign_in_once(provider: Provider, served: Served) -> None:
    altered(served, expires_at=0.0)
    before = len(provider.forms)
    names: list[str] = []

    def ask() -> None:
        names.append(Client(served.url).whoami()["name"])

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names == ["ours:refreshed"] * 6
    assert len(provider.forms) == before + 1


def test_a_sign_in_is_sent_to_its_service_only(served: Served) -> None:
    signed_in(served)
    with pytest.raises(Unauthorized):
        Client(served.url.replace("127.0.0.1", "localhost")).whoami()
    assert served.sent[-1] is None


def test_a_given_token_counts_more_than_a_sign_in(provider: Provider, served: Served) -> None:
    signed_in(served)
    assert Client(served.url, token=provider.token(sub="bob")).whoami()["name"] == "ours:bob"


def test_a_file_that_others_can_read_is_refused(served: Served, capsys: Text) -> None:
    signed_in(served)
    os.chmod(logins.file(), 0o644)
    assert main(["whoami", "--url", served.url]) == 2
    assert "chmod 600" in capsys.readouterr().err


KEYRING = """
import json, os, pathlib
FILE = pathlib.Path(os.environ["KEYRING_FILE"])
class Backend:
    priority = 5
def get_keyring():
    return Backend()
def _all():
    return json.loads(FILE.read_text()) if FILE.exists() else {}
def set_password(service, name, password):
    FILE.write_text(json.dumps({**_all(), f"{service} {name}": password}))
def get_password(service, name):
    return _all().get(f"{service} {name}")
def delete_password(service, name):
    FILE.write_text(json.dumps({k: v for k, v in _all().items() if k != f"{service} {name}"}))
"""


def test_a_keyring_keeps_the_tokens_if_there_is_one(
    served: Served, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "keyring.py").write_text(KEYRING)
    monkeypatch.delitem(sys.modules, "keyring")
    monkeypatch.syspath_prepend(home)
    monkeypatch.setenv("KEYRING_FILE", str(home / "ring"))
    signed_in(served)
    assert json.loads(logins.file().read_text()) == {served.url: "tunelet"}
    assert Client(served.url).whoami()["name"] == "ours:ann"
    assert main(["logout", "--url", served.url]) == 0
    assert json.loads((home / "ring").read_text()) == {}
    sys.modules.pop("keyring")


def test_a_pods_token_is_sent_only_once_the_service_asks_for_one(
    provider: Provider, served: Served, home: Path
) -> None:
    (home / "token").write_text(provider.token(sub="pod") + "\n")
    client = Client(served.url)
    client.login()
    assert served.sent == [None]
    assert client.whoami()["name"] == "ours:pod"
    (home / "token").write_text(provider.token(sub="rotated"))
    assert client.whoami()["name"] == "ours:rotated"


def test_without_a_sign_in_a_client_writes_no_file(served: Served) -> None:
    with pytest.raises(Unauthorized, match="needs a token"):
        Client(served.url).whoami()
    assert not logins.file().parent.exists()
