"""Where the files live that the project uses and does not carry: photographs, paintings, VGG."""

import os
from pathlib import Path

VARIABLE = "FFMPEG_STYLE_ASSETS"


def assets_folder():
    """The folder of assets: ``$FFMPEG_STYLE_ASSETS``, else ``shared/assets`` beside the checkout.

    It need not exist; see its ``INDEX.csv`` for what belongs there.
    """
    checkout = Path(__file__).resolve().parents[1]
    return Path(os.environ.get(VARIABLE) or checkout.parent / "shared" / "assets")
