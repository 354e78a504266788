"""What the edition takes from Streamlit and from vl-convert: a new version may have moved it."""

import re

import pytest

from gradviz.export import borrowed


def test_katex_is_the_one_whose_style_sheet_is_taken():
    script = borrowed.katex()
    assert script.startswith("window.katex = (") and "import" not in script[:200]
    (version,) = set(re.findall(r"version:`([\d.]+)`", script))
    (sheet,) = (borrowed._only("css", "index.*.css").read_text(encoding="utf-8"),)
    assert f'content:"{version}"' in sheet


def test_the_sheet_names_the_fonts_that_are_there():
    faces, fonts = borrowed.faces(), borrowed.fonts()
    for family in ("Source Sans", "Source Serif", "Source Code Pro", "KaTeX_Main"):
        assert f"font-family:{family};" in faces
    assert ".katex .mathnormal{" in faces and "../" not in faces
    assert all(font.startswith(b"wOF2") for font in fonts.values())
    assert sum(map(len, fonts.values())) < 1.5e6


def test_vega_comes_as_one_script():
    script = borrowed.vega()
    assert script.startswith("(() => {") and "vegaEmbed" in script
    assert not re.search(r"\bimport\s*[{*]|\bexport\s*\{", script)


def test_what_has_moved_is_named():
    with pytest.raises(LookupError, match="nowhere"):
        borrowed._only("js", "nowhere.*.js")
