"""`easel cost`: estimates, comparisons and advice, from the command line."""

import json
import shlex
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from easel_cli.main import main
from easel_cost.budget import budget_command

pytestmark = pytest.mark.unit


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["easel", "cost", *words])
        status = main()
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


def test_the_seeds_table_shows_each_error_beside_the_right_figure(run: Any) -> None:
    status, out, _ = run("seed")
    assert status == 0
    for text in ("226.18", "210.24", "436.42", "436.72", "15.26 GB, not 7.62", "1.37", "486.56"):
        assert text in out


def test_an_estimate_has_sums_bars_and_its_guesses(run: Any) -> None:
    status, out, _ = run("estimate", "--region", "us-east-1", "--instance-type", "g5.2xlarge")
    assert status == 0
    for text in ("NAT gateways", "98.55", "█", "~", "1,000 pictures:", "Prices were read between"):
        assert text in out


def test_prices_of_other_regions_are_named(run: Any) -> None:
    _, out, _ = run("estimate", "--region", "cn-northwest-1")
    assert "Read nowhere for cn-northwest-1" in out
    assert "eks.cluster (us-east-1)" in out
    assert "CNY" in out


def test_programs_get_json_alone(run: Any) -> None:
    _, out, _ = run("estimate", "--region", "us-west-2", "--pictures", "1000", "--json")
    document = json.loads(out)
    assert (document["region"], document["pictures"]) == ("us-west-2", 1000)
    lines = document["fixed"] + document["variable"]
    total = sum(Decimal(line["amount"]) for line in lines)
    assert abs(total - Decimal(document["total"])) < Decimal("0.30")


def test_a_budget_pays_as_many_pictures_as_cost_what_the_month_leaves(run: Any) -> None:
    options = ("--region", "us-east-1", "--json")
    _, out, _ = run("estimate", *options, "--budget", "1000")
    pictures = json.loads(out)["pictures_for_the_budget"]
    _, out, _ = run("estimate", *options, "--pictures", str(pictures))
    assert abs(Decimal(json.loads(out)["total"]) - 1000) < 1


def test_a_budget_below_the_fixed_part_pays_nothing(run: Any) -> None:
    _, out, _ = run("estimate", "--region", "us-east-1", "--budget", "100")
    assert "does not pay" in out
    assert 'vpc = { nat_gateways = "one" }' in out


def test_a_lever_saves_what_it_says(run: Any) -> None:
    options = ("--region", "us-east-1", "--json")
    _, out, _ = run("estimate", *options, "--budget", "100")
    before = json.loads(out)
    lever = next(one for one in before["levers"] if "nat_gateways" in one["setting"])
    _, out, _ = run("compare", *options, "--with", "nat_gateways=one")
    after = json.loads(out)["nat_gateways=one"]
    assert Decimal(before["total"]) - Decimal(after["total"]) == Decimal(lever["saves"])


def test_two_settings_stand_beside_each_other(run: Any) -> None:
    status, out, _ = run(
        "compare", "--region", "us-east-1", "--with", "nat_gateways=one", "--with", "spot_share=0"
    )
    assert status == 0
    assert "-73.00" in out
    assert "as it is" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("estimate",), "name the stack by --env"),
        (("estimate", "--region", "a", "--env", "b"), "name the stack by --env"),
        (("estimate", "--env", "nowhere"), "is no environment"),
        (("estimate", "--region", "us-east-1", "--instance-type", "p9"), "no price of ec2.p9"),
        (("compare", "--region", "us-east-1"), "say what is otherwise"),
        (("compare", "--region", "us-east-1", "--with", "colour=red"), "colour=red: is to be NAME"),
        (
            ("compare", "--region", "us-east-1", "--with", "spot_share=x"),
            "spot_share=x: is no numb",
        ),
        (
            ("compare", "--region", "us-east-1", "--with", "spot_share=7"),
            "Spot must be from 0 to 1",
        ),
        (("compare", "--region", "us-east-1", "--with", "region=cn-north-1"), "are not compared"),
    ],
)
def test_a_mistake_is_said_in_a_line(run: Any, words: tuple[str, ...], message: str) -> None:
    status, _, err = run(*words)
    assert (status, err.count("Traceback")) == (2, 0)
    assert message in err


def test_several_wrong_changes_are_named_together(run: Any) -> None:
    words = ("--with", "colour=red", "--with", "nat_gateways=five")
    _, _, err = run("compare", "--region", "us-east-1", *words)
    assert "colour=red" in err
    assert "nat_gateways=five: is to be one or one_per_zone" in err


def test_a_broken_file_of_prices_is_said(run: Any, tmp_path: Path) -> None:
    (tmp_path / "prices.json").write_text("{")
    status, _, err = run("estimate", "--region", "us-east-1", "--prices", "prices.json")
    assert status == 2
    assert "no readable file of prices" in err


def test_the_budgets_command_is_one_that_a_shell_reads_whole() -> None:
    command = budget_command("easel", Decimal("500.5"), "USD", "o'neil@example.com")
    words = shlex.split(command.replace("\\\n", " "))
    budget = json.loads(words[words.index("--budget") + 1])
    assert budget["BudgetLimit"] == {"Amount": "500.5", "Unit": "USD"}
    assert budget["CostFilters"] == {"TagKeyValue": ["user:Stack$easel"]}
    (first, second) = json.loads(words[words.index("--notifications-with-subscribers") + 1])
    assert first["Subscribers"][0]["Address"] == "o'neil@example.com"
    assert second["Notification"]["NotificationType"] == "FORECASTED"
