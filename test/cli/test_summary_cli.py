"""`lgnet summary`: the design's counts, within five percent."""

from __future__ import annotations

import json

import pytest

from lgnet_ros.cli.main import main

# Worked out by hand from the design: millions of parameters, GMAC.
DESIGN = {"full": (77.8, 9.9), "light": (38.9, 6.9)}


@pytest.fixture(scope="module")
def summary() -> dict[str, dict]:
    """The report of all variants (capsys has function scope, so the output is caught here)."""
    import contextlib
    import io

    with contextlib.redirect_stdout(io.StringIO()) as output:
        assert main(["summary", "--json"]) == 0
    return json.loads(output.getvalue())


@pytest.mark.parametrize("variant", DESIGN)
def test_counts_are_the_designs_within_five_percent(variant: str, summary: dict[str, dict]) -> None:
    parameters, gmac = DESIGN[variant]
    assert summary[variant]["parameters"] / 1e6 == pytest.approx(parameters, rel=0.05)
    assert summary[variant]["gmac"] == pytest.approx(gmac, rel=0.05)


def test_nano_keeps_its_promise(summary: dict[str, dict]) -> None:
    assert summary["nano"]["parameters"] <= 16e6
    assert summary["nano"]["gmac"] <= 1.6


@pytest.mark.parametrize("variant", ["full", "light", "nano"])
def test_modules_add_up_to_the_whole(variant: str, summary: dict[str, dict]) -> None:
    modules = summary[variant]["modules"].values()
    assert sum(module["parameters"] for module in modules) == summary[variant]["parameters"]
    assert sum(module["gmac"] for module in modules) == pytest.approx(summary[variant]["gmac"])
    assert all(module["gmac"] >= 0 for module in modules)


def test_resnet_50_takes_4_macs_a_pixel_of_224_scaled_to_256(summary: dict[str, dict]) -> None:
    published = 4.089  # GMAC of ResNet-50 at 224 px, its classifier's 0.002 included
    assert summary["full"]["modules"]["backbone"]["gmac"] == pytest.approx(
        published * (256 / 224) ** 2, rel=0.002
    )


def test_the_table_names_variant_modules_and_units(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", "nano"]) == 0
    table = capsys.readouterr().out
    assert table.startswith("nano: efficientnet_lite0, 192 px, c = 128")
    assert all(word in table for word in ("backbone", "lgblock", "refine_stage", "GMAC"))


def test_an_unknown_variant_is_one_line_and_status_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["summary", "giant"]) == 2
    assert "no variant 'giant'" in capsys.readouterr().err
