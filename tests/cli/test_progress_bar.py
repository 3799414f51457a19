"""The bar in the terminal says what is done, and how far it is."""

import pytest

from cli.progress_bar import progress_bar


def test_the_preparation_names_its_step_and_counts_its_tiles(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress_bar("a-model 1.0") as context:
        context.on_preparing(True)
        context.on_preparation("measuring", 0, 0)
        context.on_preparation("sample in bf16", 3, 40)
    shown = capsys.readouterr().err
    assert "a-model 1.0: sample in bf16" in shown
    assert "3/40 tiles" in shown
    assert "?" not in shown


def test_tiles_follow_the_preparation(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("scan.nii") as context:
        context.on_preparation("measuring", 0, 0)
        context.on_tile(0, 8)
        context.on_tile(8, 8)
    shown = capsys.readouterr().err
    assert "8/8 tiles" in shown
    assert "left" in shown
    assert "measuring" not in shown


def test_no_time_is_left_of_an_unknown_number_of_tiles(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress_bar("scan.nii"):
        pass
    shown = capsys.readouterr().err
    assert "elapsed" in shown
    assert "left" not in shown
