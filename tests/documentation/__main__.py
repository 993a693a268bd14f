"""``python -m tests.documentation``: write the parts of the documentation that are made of code anew."""

from __future__ import annotations

from tests.documentation.picture import PICTURE, picture
from tests.documentation.reference import generated

for path, text in {**generated(), PICTURE: picture()}.items():
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
        print(path)
