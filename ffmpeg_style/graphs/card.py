"""The names in this project's graphs; model cards: what must be on them, their text for people.

Nothing here needs TensorFlow.
"""

FORMAT = "ffmpeg-style/1"
CARD = "model_card"
FRAME, STYLED, STYLE_WEIGHTS = "frame", "styled", "style_weights"
STYLE_VECTOR, PAINTING, PAINTING_VECTOR = "style_vector", "painting", "painting_vector"
"""Of a graph for any painting."""
STYLE_NAME = r"[A-Za-z0-9][A-Za-z0-9_-]*"
"""A regular expression of the names of styles: ``wave:0.7+scream:0.3`` has one meaning."""
CARD_KEYS = ("format", "name", "architecture", "styles", "trained", "licence")


def card_faults(card):
    """What is wrong on the model card."""
    if card is None:
        return [f"expected a string constant {CARD} of JSON, found none"]
    missing = [key for key in CARD_KEYS if key not in card]
    if missing:
        return [f"expected {', '.join(missing)} on the {CARD}, found no such key"]
    if card["format"] != FORMAT:
        return [f"expected the format {FORMAT!r} on the {CARD}, found {card['format']!r}"]
    styles = card["styles"]
    if not (isinstance(styles, list) and styles and all(isinstance(s, str) for s in styles)):
        return [f"expected a list of names as styles on the {CARD}, found {styles!r}"]
    if len(set(styles)) < len(styles):
        return [f"expected different names of styles on the {CARD}, found {', '.join(styles)}"]
    return []


def value_text(value):
    """A JSON value on one line."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {value_text(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(value_text, value))
    return str(value)


def training_lines(trained):
    """How a network was trained, by its card's ``trained``: a line for each run, the oldest first.

    What another hand wrote there is told as it stands.
    """
    lines = []
    while isinstance(trained, dict) and trained:
        lines.append(run_text({key: value for key, value in trained.items() if key != "start"}))
        trained = trained.get("start")
    return [*([value_text(trained)] if trained else []), *reversed(lines)]


def run_text(run):
    """One run of training."""
    try:
        crops = (
            f"{run['steps']:,} steps of {run['batch']} crop of {run['size']}x{run['size']} pixels"
        )
        return "; ".join([crops, criteria_text(run), *how_texts(run)])
    except (KeyError, TypeError, ValueError):
        return value_text(run)


def how_texts(run):
    """What else a run needs to be made again, as far as its card tells."""
    told = [f"{name} {run[name]}" for name in ("rate", "seed", "precision") if name in run]
    if "loss_network" in run:
        told.append(run["loss_network"]["name"])
    last = run["steps"] + run.get("begun_at", 0)
    if run.get("planned_steps", last) != last:
        told.append(f"stopped at step {last:,} of {run['planned_steps']:,}")
    mixed = [
        f"{other['share']:g} of another's weights mixed in" for other in run.get("mixed_with", [])
    ]
    return [", ".join(told), *mixed] if told else mixed


def criteria_text(run):
    """What a run's pictures were judged by."""
    if "teacher" in run:
        return "the pictures of a larger network"
    weights = run["weights"]
    layer = f" at {run['content_layer']}" if "content_layer" in run else ""
    steady = f" + {run['consistency']:g} consistency" if run.get("consistency") else ""
    losses = (
        f"{weights['content']:g} content{layer} + {weights['style']:g} style + "
        f"{weights['total_variation']:g} total variation{steady}"
    )
    return f"the painting's short side at {run['style_size']}; {losses}"


def titled(title, text):
    """A line of a card, or of what is told below or above it: all texts in one column."""
    return f"{title:<16}{text}".rstrip()


def card_lines(card):
    """A card in lines, a line or more for each thing that it tells."""
    lines = []
    for key, value in card.items():
        texts = training_lines(value) if key == "trained" else [value_text(value)]
        titles = [key, *[""] * len(texts)]
        lines += [titled(title, text) for title, text in zip(titles, texts, strict=False)]
        if key == "trained" and isinstance(value, dict) and "data" in value:
            lines.append(titled("data", value_text(value["data"])))
    return lines
