"""The page in Chromium, on a service that trains: what people see, and what must never happen."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import urllib3
from playwright.sync_api import Page, expect

from tests.browser.conftest import SCRIPT, Open, submit
from tests.e2e.conftest import Up
from tests.serving import serving
from tunelet.text.credential import generated, hashed

pytestmark = pytest.mark.browser

VIEWS = ("history", "parallel", "slices", "scatter", "curves", "importance", "timeline", "request")
SIZES = ((1440, 900), (360, 740))
PICTURES = os.environ.get("TUNELET_TEST_PICTURES")
"""A folder that keeps what the page looks like, to be looked at."""


def picture(page: Page, name: str) -> None:
    if PICTURES:
        Path(PICTURES).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(PICTURES) / f"{name}.png")


def faultless(page: Page) -> None:
    """Nothing that axe knows of keeps anybody from using the page."""
    found: list[dict[str, Any]] = page.evaluate("axe.run().then((found) => found.violations)")
    assert [(one["id"], one["nodes"][0]["html"][:200]) for one in found] == []


def brush(page: Page) -> None:
    """Drag over the left half of the plot that is shown."""
    box = page.locator(".canvas.over").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 65, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 45, steps=4)
    page.mouse.up()


def test_the_list_shows_sorts_and_finds_experiments(service: Up, ended: str, shown: Open) -> None:
    submit(service, "another", max_trials=2, labels={"team": "vision"})
    service.client.wait("another", timeout=60)
    page = shown()
    rows = page.locator("table.experiments tbody tr")
    expect(rows.filter(has_text=ended)).to_contain_text("12/12")
    page.get_by_role("button", name="Experiment").click()
    names = page.locator("td.col-name a").all_text_contents()
    assert names == sorted(names)
    page.get_by_label("Find experiments").fill("team=vision")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("another")
    page.get_by_label("Find experiments").fill("")
    rows.filter(has_text=ended).get_by_role("link").click()
    expect(page.get_by_role("heading", name=ended)).to_be_visible()


def test_an_ended_experiment_that_is_deleted_elsewhere_leaves_the_list(
    service: Up, ended: str, shown: Open
) -> None:
    submit(service, "short", max_trials=1)
    service.client.wait("short", timeout=60)
    page = shown()
    page.clock.install()
    page.reload()
    table = page.locator("table.experiments")
    expect(table).to_contain_text("short")
    expect(page.locator(".list .tools [role=status]")).to_have_text(
        re.compile(r"^\d+ experiments?$")
    )
    service.client.delete("short")
    page.clock.fast_forward(61_000)
    expect(table).not_to_contain_text("short")
    expect(table).to_contain_text(ended)


def test_an_experiment_is_followed_by_small_requests_and_none_while_hidden(
    service: Up, shown: Open
) -> None:
    space = {
        "rate": {"type": "float", "min": 0.1, "max": 1},
        "pause": {"type": "categorical", "choices": [0.5]},
    }
    submit(service, "followed", hyperparameters=space, max_trials=300, parallel_trials=2)
    asked: list[str] = []
    page = shown("#/default/followed")
    progress = page.locator(".head .progress")
    expect(page.locator("table tbody tr.best")).to_have_count(1, timeout=60_000)
    page.on("request", lambda request: asked.append(request.url))
    before = progress.text_content()
    expect(progress).not_to_have_text(before or "", timeout=60_000)
    assert asked
    assert all("/columns?" in url for url in asked)
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    page.wait_for_timeout(2500)
    asked.clear()
    page.wait_for_timeout(5000)
    assert asked == []
    page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(1000)
    assert asked
    service.client.stop("followed")
    expect(page.locator(".head .state")).to_have_text("stopped", timeout=30_000)


def test_a_trial_shows_its_values_its_output_and_how_to_repeat_it(ended: str, shown: Open) -> None:
    page = shown(f"#/default/{ended}")
    page.locator("table tbody tr").filter(has_text="complete").first.click()
    detail = page.get_by_role("complementary")
    expect(detail).to_contain_text("objective")
    expect(detail.get_by_label("Output of the trial")).to_contain_text("step=3 objective=0.")
    expect(detail).to_contain_text("extend it to propose a trial like this")
    expect(detail.get_by_label("Command")).to_contain_text(f"tunelet logs {ended} ")


def test_stored_scripts_are_shown_as_text_and_never_run(
    ended: str, service: Up, shown: Open
) -> None:
    noted = next(one for one in service.client.trials(ended) if one["note"])
    page = shown()
    expect(page.locator(".label").filter(has_text="said=<img")).to_be_visible()
    page.goto(f"{service.url}/#/default/{ended}?trial={noted['number']}")
    detail = page.get_by_role("complementary")
    expect(detail.locator(".said")).to_contain_text(SCRIPT)
    expect(detail.locator(".output")).to_contain_text(SCRIPT)
    for view in VIEWS:
        page.locator(f"#tab-{view}").click()
        expect(page.locator(f"#tab-{view}")).to_have_attribute("aria-selected", "true")
    assert "owned" not in page.title()
    assert page.locator("main img, main script").count() == 0


def test_a_brush_in_one_view_filters_all(ended: str, shown: Open) -> None:
    page = shown(f"#/default/{ended}")
    status = page.locator(".filter .end")
    expect(status).to_have_text("12 trials")
    brush(page)
    expect(status).to_have_text(re.compile(r"^[1-9] of 12 trials$"))
    some = page.locator(".trials tbody tr").count()
    assert 0 < some < 12
    page.locator("#tab-parallel").click()
    expect(page.get_by_label(re.compile("Parallel coordinates of [1-9] trials?"))).to_be_visible()
    page.get_by_role("button", name=re.compile("Remove the brush trial")).click()
    page.get_by_role("button", name=re.compile("Remove the brush objective")).click()
    expect(status).to_have_text("12 trials")


def test_an_expression_filters_and_a_wrong_one_is_explained(ended: str, shown: Open) -> None:
    page = shown(f"#/default/{ended}")
    field = page.get_by_label("Filter trials")
    field.fill("objective<0.5 state=complete")
    expect(page.locator(".filter .end")).to_have_text(re.compile(r"^\d+ of 12 trials$"))
    field.fill("speed>1")
    expect(page.locator(".wrong")).to_have_text("speed is no hyperparameter or value here")


@pytest.mark.usefixtures("ended")  # the list has a row after the deletion, too
def test_actions_ask_first_show_their_command_and_are_done(service: Up, shown: Open) -> None:
    space = {
        "rate": {"type": "float", "min": 0.1, "max": 1},
        "pause": {"type": "categorical", "choices": [2]},
    }
    submit(service, "acted", hyperparameters=space, max_trials=50, parallel_trials=1)
    page = shown("#/default/acted")
    state, dialog = page.locator(".head .state"), page.get_by_role("dialog")
    submit_button = dialog.locator("button[type=submit]")
    page.locator(".actions").get_by_role("button", name="Pause").click()
    where = f"-n default --url {service.url}"
    expect(dialog.get_by_label("Command")).to_have_text(f"tunelet pause acted {where}")
    submit_button.click()
    expect(state).to_have_text("paused")
    page.locator(".actions").get_by_role("button", name="Extend").click()
    dialog.get_by_label("Trials", exact=True).fill("0")
    submit_button.click()
    expect(dialog.get_by_role("alert")).to_contain_text("Trials must be at least 1")
    dialog.get_by_label("Trials", exact=True).fill("60")
    command = f"tunelet extend acted --max-trials 60 {where}"
    expect(dialog.get_by_label("Command")).to_have_text(command)
    submit_button.click()
    expect(page.locator(".head .progress")).to_contain_text("/60")
    page.get_by_role("button", name="Propose").click()
    dialog.get_by_role("spinbutton", name=re.compile("rate")).fill("0.25")
    dialog.get_by_role("combobox", name="pause").select_option("2")
    dialog.get_by_role("textbox", name="Note").fill("because")
    submit_button.click()
    expect(dialog).to_have_count(0)
    assert any(one["note"] == "because" for one in service.client.trials("acted"))
    page.locator(".actions").get_by_role("button", name="Stop").click()
    submit_button.click()
    expect(state).to_have_text("stopped")
    page.get_by_role("button", name="Delete").click()
    confirm = submit_button
    expect(confirm).to_be_disabled()
    dialog.get_by_label(re.compile("confirm")).fill("acted")
    confirm.click()
    expect(page.locator("table.experiments")).to_be_visible()
    expect(page.locator("table.experiments")).not_to_contain_text("acted")


def test_a_request_is_made_in_a_form_or_as_yaml_and_faults_are_at_their_fields(
    service: Up, shown: Open
) -> None:
    page = shown("#/default/+")
    page.get_by_label("Name", exact=True).first.fill("formed")
    page.get_by_label("Model training code").fill("train")
    page.get_by_label("min of learning_rate").fill("5")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.locator(".dimension .wrong")).to_contain_text("learning_rate")
    expect(page.locator(".beside")).to_contain_text("1 fault at the fields")
    expect(page.get_by_role("alert")).to_have_count(1)
    yaml = page.get_by_label("The request as YAML")
    expect(yaml).to_have_value(re.compile("name: formed"))
    yaml.fill("name: formed\nmodel_training_code: train\nmax_trials: 2\nhyperparameters: [")
    expect(page.get_by_role("button", name="Submit", exact=True)).to_be_disabled()
    yaml.fill(
        "name: formed\nmodel_training_code: train\nmax_trials: 2\n"
        "hyperparameters:\n  rate: {type: float, min: 0.1, max: 1}\n"
    )
    expect(page.get_by_label("Max trials")).to_have_value("2")
    request = yaml.input_value()
    yaml.fill(f"{request}define_by_run: 3\n")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.locator(".beside .fault")).to_contain_text("define_by_run must be")
    yaml.fill(request)
    page.get_by_label("Max trials").fill("3")
    expect(yaml).to_have_value(re.compile("max_trials: 3"))
    faultless(page)
    picture(page, "submit-1440-light")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.get_by_role("heading", name="formed")).to_be_visible()
    assert service.client.wait("formed", timeout=60).json["spec"]["max_trials"] == 3


def test_a_form_that_another_version_has_elsewhere_asks_to_load_the_page_again(shown: Open) -> None:
    page = shown()
    expect(page.get_by_role("link", name="New experiment")).to_be_visible()
    page.route(re.compile("/part-"), lambda route: route.fulfill(status=404))
    page.get_by_role("link", name="New experiment").click()
    expect(page.get_by_role("alert")).to_contain_text("has another version")
    page.unroute_all()
    page.get_by_role("button", name="Load the page again").click()
    expect(page.get_by_role("heading", name="New experiment")).to_be_visible()


def test_a_clone_begins_with_the_request_of_the_original(
    service: Up, ended: str, shown: Open
) -> None:
    page = shown(f"#/default/{ended}")
    page.get_by_role("button", name="Clone").click()
    expect(page.get_by_role("heading", name=f"New experiment like {ended}")).to_be_visible()
    expect(page.get_by_label("Max trials")).to_have_value("12")
    page.get_by_label("Name", exact=True).first.fill("cloned")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.get_by_role("heading", name="cloned")).to_be_visible()
    specs = [service.client.experiment(each).json["spec"] for each in (ended, "cloned")]
    assert {**specs[0], "name": "cloned"} == specs[1]


def test_the_form_of_a_clone_shows_the_objective_and_the_scales_of_the_original(
    service: Up, shown: Open
) -> None:
    space = {
        "rate": {"type": "float", "min": 0.1, "max": 1, "log": True},
        "pause": {"type": "float", "min": 0.01, "max": 0.02},
    }
    goal = {"metric": "objective", "direction": "maximize", "goal": 7.5}
    request = {"name": "scaled", "hpo_algorithm": "sobol", "model_training_code": "train"}
    request |= {"hyperparameters": space, "objective": goal, "max_trials": 1}
    service.client.submit({**request, "early_stopping": "median"})
    service.client.wait("scaled", timeout=60)
    page = shown("#/default/+?from=scaled")
    logs = page.locator(".dimension").get_by_role("checkbox", name="log")
    expect(logs.nth(0)).to_be_checked()
    expect(logs.nth(1)).not_to_be_checked()
    expect(page.get_by_label("Model training code")).to_have_value("train")
    expect(page.get_by_label("Goal")).to_have_value("7.5")
    expect(page.get_by_role("combobox", name="Algorithm")).to_have_value("sobol")
    expect(page.get_by_role("combobox", name="Early stopping")).to_have_value("median")
    expect(page.get_by_label("Direction")).to_have_value("maximize")
    logs.nth(0).uncheck()
    expect(page.get_by_label("The request as YAML")).not_to_have_value(re.compile("log"))
    logs.nth(1).check()
    page.get_by_label("Name", exact=True).first.fill("rescaled")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.get_by_role("heading", name="rescaled")).to_be_visible()
    spec = service.client.experiment("rescaled").json["spec"]
    assert [form.get("scale", "linear") for form in spec["hyperparameters"].values()] == [
        "linear",
        "log",
    ]
    assert spec["objectives"] == [goal]


def test_it_works_with_the_keyboard_alone(ended: str, shown: Open) -> None:
    page = shown(f"#/default/{ended}")
    expect(page.locator(".filter .end")).to_have_text("12 trials")
    page.locator("#tab-history").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-parallel")).to_be_focused()
    page.locator(".scrolled.trials").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("complementary")).to_have_attribute("aria-label", "Trial 10")
    field = page.get_by_label("Filter trials")
    field.press_sequentially("complete")
    page.keyboard.press("Escape")
    expect(field).to_have_value("")
    expect(page.get_by_role("complementary")).to_have_attribute("aria-label", "Trial 10")
    page.keyboard.press("Escape")
    expect(page.get_by_role("complementary")).to_have_count(0)
    page.get_by_role("button", name="Delete").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_everything_fits_and_axe_finds_nothing(
    ended: str, shown: Open, size: tuple[int, int], scheme: str
) -> None:
    options = {"viewport": {"width": size[0], "height": size[1]}, "color_scheme": scheme}
    page = shown(**options)
    expect(page.locator("table.experiments")).to_contain_text(ended)
    look(page, f"list-{size[0]}-{scheme}")
    page.evaluate(f"location.hash = '#/default/{ended}'")
    for view in VIEWS:
        page.locator(f"#tab-{view}").click()
        expect(page.locator("#view > *").first).to_be_visible()
        look(page, f"{view}-{size[0]}-{scheme}")
    page.locator("#tab-history").click()
    page.locator(".trials tbody tr").first.click()
    expect(page.get_by_role("complementary")).to_contain_text("Hyperparameters")
    look(page, f"trial-{size[0]}-{scheme}")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Extend").click()
    look(page, f"extend-{size[0]}-{scheme}")


def look(page: Page, name: str) -> None:
    page.wait_for_timeout(150)
    picture(page, name)
    faultless(page)
    wide = page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert wide <= 0, f"{name} is wider than its window"


def test_the_policy_stops_code_that_is_put_into_the_document(ended: str, shown: Open) -> None:
    page = shown(provoked="'TrustedHTML'")
    ran = page.evaluate(
        """() => { try { document.body.innerHTML = '<p>put</p>'; return 'put' }
        catch (refusal) { return refusal.name } }"""
    )
    assert ran == "TypeError"


@contextmanager
def below_a_path(url: str, prefix: str) -> Iterator[str]:
    """A proxy that serves `url` below a path, as an ingress does; gives the address.

    Like nginx it sends the service's name as Host unless it is told otherwise.
    """
    pool = urllib3.PoolManager()
    kept = ("Content-Type", "Content-Security-Policy")

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if not self.path.startswith(prefix):
                self.send_error(404)
                return
            sent = {
                k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")
            }
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
            below = f"{url}/{self.path.removeprefix(prefix)}"
            answer = pool.request(self.command, below, headers=sent, body=body)
            self.send_response(answer.status)
            for name in filter(answer.headers.__contains__, kept):
                self.send_header(name, answer.headers[name])
            self.end_headers()
            self.wfile.write(answer.data)

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

        def log_message(self, *_: object) -> None:
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Proxy)) as port:
        yield f"http://127.0.0.1:{port}{prefix}"


def test_it_works_below_a_path_of_a_proxy(service: Up, ended: str, shown: Open) -> None:
    with below_a_path(service.url, "/tools/tunelet/") as url:
        page = shown(f"#/default/{ended}", url=url)
        expect(page.locator(".filter .end")).to_have_text("12 trials")
        page.get_by_role("button", name="Note", exact=True).click()
        page.get_by_role("dialog").get_by_role("textbox").fill("through the proxy")
        page.get_by_role("dialog").get_by_role("button", name="Save").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert service.client.experiment(ended).note == "through the proxy"
        page.close()


def test_the_request_can_be_read(service: Up, shown: Open) -> None:
    depth = {"type": "int", "min": 2, "max": 32, "step": 2, "when": {"kind": ["plain"]}}
    rate = {"type": "float", "min": 1e-5, "max": 0.1, "log": True}
    space = {"rate": rate, "kind": {"type": "categorical", "choices": ["plain", "odd"]}}
    waits = {"model_training_code": {"workers": True}}
    submit(service, "asked", hyperparameters={**space, "depth": depth}, **waits, max_seconds=77)
    page = shown("#/default/asked?view=request")
    rows = page.locator(".request tbody tr")
    expect(rows.nth(0)).to_have_text("ratefloat1e\u22125 … 0.1, log")
    expect(rows.nth(2)).to_have_text("depthint2 … 32, step 2kind is plain")
    expect(page.get_by_label("The request as JSON", exact=True)).to_contain_text(
        '"max_seconds": 77'
    )


def test_what_another_changes_is_seen(service: Up, shown: Open) -> None:
    submit(service, "shared", model_training_code={"workers": True}, parallel_trials=2)
    page = shown("#/default/shared")
    facts = page.locator(".facts")
    expect(facts).to_contain_text("At a time2")
    service.client.extend("shared", parallel_trials=5)
    expect(facts).to_contain_text("At a time5")
    service.client.note("shared", "from a terminal")
    expect(page.locator(".head .said")).to_contain_text("from a terminal")


def test_where_the_service_wants_a_token_the_page_asks_and_stores_none(
    tmp_path: Path, shown: Open
) -> None:
    token = generated()
    known = {"name": "ann", "sha256": hashed(token)}
    role = {"role": "viewer", "namespaces": ["*"], "actors": ["token:ann"]}
    (tmp_path / "identity.json").write_text(json.dumps({"tokens": [known], "roles": [role]}))
    up = Up(tmp_path / "data", "--identity", str(tmp_path / "identity.json"))
    try:
        page = shown(url=f"{up.url}/")
        page.get_by_label("Token").fill("another")
        page.get_by_role("button", name="Use the token").click()
        expect(page.get_by_role("alert")).to_contain_text("the token is not one of this service")
        page.get_by_label("Token").fill(token)
        page.get_by_role("button", name="Use the token").click()
        expect(page.get_by_text("No experiments in default yet")).to_be_visible(timeout=20_000)
        expect(page.get_by_role("alert")).to_have_count(0)
        kept = page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]")
        assert kept == [0, 0, ""]
        assert token not in page.url
    finally:
        up.close()


def test_a_service_that_goes_away_is_explained_and_found_again(tmp_path: Path, shown: Open) -> None:
    (tmp_path / "train.sh").write_text("echo objective=1")
    up = Up(tmp_path / "data", "--alias", f"train=sh {tmp_path / 'train.sh'}")
    try:
        submit(up, "kept", max_trials=1)
        up.client.wait("kept", timeout=60)
        page = shown(url=f"{up.url}/")
        expect(page.locator("table.experiments")).to_contain_text("kept")
        up.kill()
        expect(page.get_by_role("alert")).to_contain_text("does not answer", timeout=30_000)
        up.start()
        expect(page.get_by_role("alert")).to_have_count(0, timeout=60_000)
    finally:
        up.close()
