"""The form for a new experiment, written into as a person does: key by key."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Open
from tests.e2e.conftest import Up

pytestmark = pytest.mark.browser

NUMBERS = ["0.001", "0.00050", "10.05", "1e-05", "-0.01", "5."]
FIELDS = ["min of learning_rate", "max of learning_rate", "Goal", "Max trials"]


def write(field: Locator, text: str) -> None:
    """Write over what is in the field, key by key."""
    field.click()
    field.press("Control+A")
    field.press_sequentially(text)


def request(page: Page) -> Locator:
    return page.get_by_label("The request as YAML")


def test_a_number_stays_as_it_is_written(shown: Open) -> None:
    page = shown("#/default/+")
    for name in FIELDS:
        field = page.get_by_label(name, exact=True)
        for text in NUMBERS:
            write(field, text)
            assert field.input_value() == text
        field.press("Backspace")
        field.press("Backspace")
        assert field.input_value() == ""
        field.press_sequentially("0.070")
        assert field.input_value() == "0.070"
    expect(request(page)).to_have_value(re.compile(r"min: 0\.07\n    max: 0\.07\n"))
    expect(request(page)).to_have_value(re.compile(r"goal: 0\.07\n"))


def test_a_range_is_written_and_submitted(service: Up, shown: Open) -> None:
    page = shown("#/default/+")
    write(page.get_by_label("Name", exact=True).first, "written")
    write(page.get_by_label("Model training code"), "train")
    write(page.get_by_label("min of learning_rate"), "1e-")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.locator(".dimension .wrong")).to_contain_text("1e- is not a number")
    write(page.get_by_label("min of learning_rate"), "1e-5")
    expect(page.locator(".dimension .wrong")).to_have_count(0)
    write(page.get_by_label("Max trials"), "1")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.get_by_role("heading", name="written")).to_be_visible()
    spec = service.client.experiment("written").json["spec"]
    rate = {"type": "float", "min": 1e-05, "max": 0.1, "scale": "log"}
    assert spec["hyperparameters"] == {"learning_rate": rate}


def test_a_fault_among_the_other_fields_is_shown_before_anything_is_sent(shown: Open) -> None:
    page = shown("#/default/+")
    others = page.get_by_text("More fields", exact=True)
    others.click()
    write(page.get_by_label("Seed"), "1.5")
    others.click()
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.get_by_label("Seed")).to_be_focused()
    write(page.get_by_label("Seed"), "15")
    expect(request(page)).to_have_value(re.compile(r"seed: 15\n"))


def test_a_name_may_begin_like_another_one(shown: Open) -> None:
    page = shown("#/default/+")
    names = page.locator(".dimension").get_by_label("Name", exact=True)
    write(names.first, "lr")
    page.get_by_role("button", name="Add a hyperparameter").click()
    expect(names.nth(1)).to_be_focused()
    page.keyboard.type("lr_decay")
    assert [names.nth(each).input_value() for each in range(2)] == ["lr", "lr_decay"]
    expect(request(page)).to_have_value(
        re.compile(r"lr:\n    type: float\n    min: 0.0001\n    max: 0.1\n.*lr_decay:\n", re.S)
    )


def test_equal_names_and_empty_ones_are_not_submitted(shown: Open) -> None:
    page = shown("#/default/+")
    write(page.get_by_label("Model training code"), "train")
    names = page.locator(".dimension").get_by_label("Name", exact=True)
    faults = page.locator(".dimension .wrong")
    write(page.get_by_label("min of learning_rate"), "1e-")
    page.get_by_role("button", name="Add a hyperparameter").click()
    page.keyboard.type("learning_rate")
    expect(faults).to_contain_text(["is not a number"])
    write(page.get_by_label("min of learning_rate").first, "1e-4")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(faults).to_contain_text(["have the name learning_rate", "have the name learning_rate"])
    assert request(page).input_value().count("learning_rate") == 1
    names.nth(1).fill("")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(faults).to_contain_text(["has no name"])
    expect(page.get_by_role("heading", name="New experiment")).to_be_visible()
    page.get_by_label("Remove", exact=False).nth(1).click()
    expect(faults).to_have_count(0)
    expect(names).to_have_count(1)


def test_a_choice_is_added_and_the_others_stay(shown: Open) -> None:
    page = shown("#/default/+")
    page.get_by_label("Type of learning_rate").select_option("categorical")
    choices = page.get_by_label("Choices of learning_rate")
    write(choices, 'adam, "a, b", it\'s, "1')
    expect(page.locator(".dimension .wrong")).to_have_count(0)
    page.get_by_label("Type of learning_rate").focus()
    expect(page.locator(".dimension .wrong")).to_contain_text("into quotes")
    choices.press("End")
    choices.press_sequentially('", 1, true, ')
    assert choices.input_value() == 'adam, "a, b", it\'s, "1", 1, true, '
    listed = """
      - adam
      - a, b
      - it's
      - "1"
      - 1
      - true
"""
    expect(request(page)).to_have_value(re.compile(re.escape(f"choices:{listed}")))
    request(page).press("Control+End")
    request(page).press_sequentially("seed: 7\n")
    expect(page.get_by_label("Seed")).to_have_value("7")
    choices.press("End")
    choices.press_sequentially('"-1"')
    expect(request(page)).to_have_value(re.compile(re.escape(f'{listed}      - "-1"')))
    page.get_by_label("Type of learning_rate").select_option("float")
    page.get_by_label("Type of learning_rate").select_option("categorical")
    expect(choices).to_have_value('adam, "a, b", it\'s, "1", 1, true, "-1"')


def test_a_command_is_submitted_with_its_folder(service: Up, shown: Open) -> None:
    page = shown("#/default/+")
    write(page.get_by_label("Name", exact=True).first, "commanded")
    code = page.get_by_label("Model training code")
    expect(page.locator("#field-model_training_code-list option")).to_have_attribute(
        "value", "train"
    )
    write(code, "sh train.sh 'one word'")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.locator("#field-model_training_code-fault")).to_contain_text('"command": ["python"')
    page.get_by_role("button", name="It is a command").click()
    expect(code).to_have_value("sh train.sh 'one word'")
    write(code, "sh  train.sh 'two words' ")
    assert code.input_value() == "sh  train.sh 'two words' "
    write(page.get_by_label("Folder"), str(service.data.parent))
    name = page.locator(".dimension").get_by_label("Name", exact=True)
    write(name, "rate")
    write(page.get_by_label("Max trials"), "1")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.get_by_role("heading", name="commanded")).to_be_visible()
    ended = service.client.wait("commanded", timeout=60).json
    assert ended["state"] == "COMPLETE"
    code_of = ended["spec"]["model_training_code"]
    assert code_of["command"] == ["sh", "train.sh", "two words"]
    assert code_of["workdir"] == str(service.data.parent)


def test_algorithms_and_rules_are_chosen_and_a_field_stays_while_it_is_written_in(
    service: Up, shown: Open
) -> None:
    service.client.submit(
        {
            "name": "ruled",
            "model_training_code": "train",
            "hyperparameters": {"rate": {"type": "float", "min": 0.1, "max": 1}},
            "early_stopping": [{"name": "median", "settings": {"n_startup_trials": 2}}],
            "max_trials": 1,
        }
    )
    page = shown("#/default/+?from=ruled")
    page.get_by_label("Algorithm").select_option("sobol")
    expect(request(page)).to_have_value(re.compile("hpo_algorithm: sobol"))
    rules = page.get_by_label("Early stopping")
    write(rules, "median")
    rules.press_sequentially(": ")
    rules.press("Control+A")
    rules.press_sequentially("name: plateau")
    assert rules.input_value() == "name: plateau"
    expect(request(page)).to_have_value(re.compile("early_stopping:\n  name: plateau"))
    page.goto(page.url.replace("?from=ruled", ""))
    expect(rules.locator("option").first).to_have_text("none")
    rules.select_option("plateau")
    expect(request(page)).to_have_value(re.compile("early_stopping: plateau"))
    rules.select_option("")
    expect(request(page)).not_to_have_value(re.compile("early_stopping"))


def test_what_was_written_last_into_a_large_request_is_submitted(service: Up, shown: Open) -> None:
    """The YAML follows the fields, and they follow it, only in a pause."""
    code = {"image": "train", "env": {"LONG": "x" * 9000}}
    space = {"x": {"type": "float", "min": 0.1, "max": 1}}
    wide = {"name": "wide", "model_training_code": code, "hyperparameters": space}
    service.client.submit({**wide, "max_trials": 1})
    page = shown("#/default/+?from=wide")
    page.get_by_label("min of x").fill("0.25")
    expect(request(page)).to_have_value(re.compile(r"x:\n    type: float\n    min: 0.25\n"))
    request(page).press("Control+End")
    request(page).press_sequentially("seed: 7\n")
    expect(page.get_by_label("Seed")).to_have_value("7")
    # Without a pause, and from one to the other.
    request(page).press("Control+End")
    request(page).press_sequentially("max_attempts: 9\n")
    page.get_by_label("Name", exact=True).first.fill("wide-again")
    page.get_by_label("Name", exact=True).first.press("Enter")
    expect(page.get_by_role("heading", name="wide-again")).to_be_visible()
    spec = service.client.experiment("wide-again").json["spec"]
    assert spec["hyperparameters"]["x"]["min"] == 0.25
    assert (spec["seed"], spec["max_attempts"]) == (7, 9)


def test_what_is_written_is_found_again_until_it_is_submitted_or_emptied(
    service: Up, ended: str, shown: Open
) -> None:
    page = shown("#/default")
    page.evaluate("location.hash = '#/default/+'")
    trials, found = page.get_by_label("Max trials"), page.locator(".draft")
    write(trials, "77")
    page.evaluate(f"location.hash = '#/default/+?from={ended}'")
    expect(page.get_by_role("heading", name=f"New experiment like {ended}")).to_be_visible()
    expect(trials).to_have_value("12")
    page.go_back()
    expect(trials).to_have_value("77")
    expect(found).to_be_visible()
    asked = list[str]()
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    page.reload()
    assert asked == ["beforeunload"]
    expect(trials).to_have_value("")
    write(trials, "1")
    request(page).press("Control+End")
    request(page).press_sequentially("seed: [")
    page.go_back()
    expect(page.get_by_role("link", name=ended)).to_be_visible()
    page.go_forward()
    expect(request(page)).to_have_value(re.compile(r"max_trials: 1\nseed: \["))
    expect(page.get_by_role("button", name="Submit", exact=True)).to_be_disabled()
    page.get_by_role("button", name="Begin anew").click()
    expect(trials).to_have_value("")
    expect(found).to_have_count(0)
    page.reload()
    assert asked == ["beforeunload"]


def test_a_shells_line_is_no_command_until_it_is_written_for_a_shell(shown: Open) -> None:
    page = shown("#/default/+")
    page.get_by_label("Kind of training code").select_option("command")
    code = page.get_by_label("Model training code")
    write(code, "cd here && python train.py")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(code).to_be_focused()
    page.get_by_label("Folder").focus()
    page.get_by_role("button", name="Write it for a shell").click()
    expect(code).to_have_value("sh -c 'cd here && python train.py \"$@\"' sh")
    expect(request(page)).to_have_value(re.compile(r'- cd here && python train\.py "\$@"\n'))


def test_a_text_where_a_number_belongs_is_shown_as_a_fault(shown: Open) -> None:
    page = shown("#/default/+")
    request(page).press("Control+End")
    request(page).press_sequentially("max_trials: 1e-\n")
    expect(page.get_by_label("Max trials")).to_have_value("1e-")
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.get_by_label("Max trials")).to_be_focused()
    write(page.get_by_label("Max trials"), "10")
    expect(request(page)).to_have_value(re.compile("max_trials: 10\n"))


def test_a_namespace_is_written_and_those_that_were_seen_are_offered(
    service: Up, ended: str, shown: Open
) -> None:
    page = shown("#/default")
    expect(page.get_by_role("link", name=ended)).to_be_visible()
    field = page.get_by_label("Namespace")
    field.click()
    field.press_sequentially("team-a")
    field.press("Enter")
    expect(page).to_have_url(re.compile("#/team-a$"))
    expect(field).to_have_value("team-a")
    field.click()
    expect(page.locator("#namespaces option")).to_have_count(1)
    # As the browser does when a person takes what it offers.
    field.evaluate("""each => {
        each.value = document.querySelector("#namespaces option").value;
        const inputType = "insertReplacementText";
        each.dispatchEvent(new InputEvent("input", {bubbles: true, inputType}));
    }""")
    expect(page.get_by_role("link", name=ended)).to_be_visible()
    field.click()
    expect(page.locator("#namespaces option")).to_have_count(0)
    page.keyboard.press("Tab")
    expect(field).to_have_value("default")
