"""The static edition: home, every lesson and every figure as pages that need no server.

`python -m gradviz.export FOLDER --lang en|zh|all [--server URL]` opens the pages of the app without
a browser (`harvest`), in each state that a preset, a word of the prose or a small choice leads to,
writes what the app would show as HTML (`elements`, `markup`, `pictures`), and lays it out in a
folder beside the app's own scripts and style sheets (`edition`, `borrowed`). A lesson that is added
to the app is in the next edition by itself.
"""

from gradviz.export.edition import main, write_edition

__all__ = ["main", "write_edition"]
