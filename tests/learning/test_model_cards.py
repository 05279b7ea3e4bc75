"""The cards of models, from reports."""

import model_cards

TERMS = {"content": 1.0, "style": 2.0, "total_variation": 0.0, "total": 3.0}
COMPARED = {
    "model": TERMS,
    "gatys": {"25": TERMS, "50": TERMS},
    "gatys_total": [9.0, 3.0],
    "equals_iterations": 0.5,
}


def test_reports_with_and_without_gatys():
    reports = {
        name: {"photographs": 6, "styles": {"wave": summary}}
        for name, summary in (
            ("alone", {"model": TERMS}),
            ("beside", {"model": TERMS, "compared": COMPARED}),
        )
    }
    head, _, alone, beside = model_cards.totals(reports).splitlines()
    assert "Gatys 25 | Gatys 50 |" in head
    assert alone == "| `alone` | wave | 6 | 1.00 | 2.00 | 3.00 |  |  |  |  |"
    assert beside == "| `beside` | wave | 6 | 1.00 | 2.00 | 3.00 | 3.00 | 3.00 | 3.00 | 0.5 |"
    longer = {**COMPARED, "gatys": {**COMPARED["gatys"], "100": TERMS}}
    reports["longer"] = {"photographs": 6, "styles": {"wave": {"model": TERMS, "compared": longer}}}
    *_, beside, longer = model_cards.totals(reports).splitlines()
    assert beside.endswith("| 3.00 | 3.00 |  | 0.5 |") and longer.endswith("| 3.00 | 3.00 | 0.5 |")
    assert "Gatys" not in model_cards.totals({"alone": reports["alone"]})


def test_steadiness_has_a_line_for_each_painter():
    figures = {"noise_gain": 2, "pan": 0.05, "sharpness": 0.1, "contrast": 0.2}
    figures["warp"] = {"easy": 0.06, "hard": 0.1}
    report = {"styles": {"wave": {"alone": figures, "steady": {**figures, "noise_gain": 0.25}}}}
    _, _, alone, steady = model_cards.steadiness({"small": report}).splitlines()
    assert alone == "| `small` | wave | 0 | 2.00 | 0.0500 | 0.0600, 0.1000 | 0.100 | 0.200 |"
    assert steady.startswith("| `small` | wave | default | 0.25 |")
    assert model_cards.steadiness({}) == ""
