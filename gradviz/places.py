"""Where the app stands: app.py, pages/, assets/ and .streamlit/.

In a checkout that is beside the package. A wheel has them inside it, in `gradviz/app`.
"""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
_INSIDE = PACKAGE / "app"

ROOT = _INSIDE if _INSIDE.is_dir() else PACKAGE.parent
