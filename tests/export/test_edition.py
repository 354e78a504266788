"""What stands in the folder of a static edition."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest
from edition import SERVER, edition

from gradviz import language
from gradviz.export import edition as module
from gradviz.export.edition import Edition, main
from gradviz.export.harvest import harvest
from gradviz.language import LANGUAGES
from gradviz.ui import catalog
from gradviz.ui.lesson import article, slots

MEGABYTES = 15  # of one language, with all that it shares
ADDRESS = re.compile(r"(?:href|src)=\"([^\"#]+)")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return edition(tmp_path_factory)


def built():
    return [entry.name for entry in catalog.LESSONS if entry.built]


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_lesson_and_every_figure_of_it_is_there(folder, code):
    for name in built():
        page = (folder / code / f"{name}.html").read_text(encoding="utf-8")
        assert f'<html lang="{code}' in page
        for figure in slots(article(name, code)):
            assert f'data-figure="{name}/{figure}"' in page
            assert (folder / code / "figure" / name / f"{figure}.html").exists()
            assert (folder / code / "data" / f"{name}.{figure}.js").exists()


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_language_is_small_enough(folder, code):
    files = [*(folder / code).rglob("*"), *(folder / "assets").rglob("*")]
    size = sum(file.stat().st_size for file in files if file.is_file())
    assert 2e6 < size < MEGABYTES * 1e6


def test_every_address_leads_to_a_file_or_to_the_app(folder):
    pages = list(folder.rglob("*.html"))
    assert len(pages) > 2 * len(built())
    for page in pages:
        for address in map(unescape, ADDRESS.findall(page.read_text(encoding="utf-8"))):
            if address.startswith(SERVER):
                assert parse_qs(urlsplit(address).query)["lang"][0] in LANGUAGES
            elif not address.startswith("data:"):
                assert (page.parent / address).exists(), f"{page}: {address}"


def test_each_figure_leads_to_itself_in_the_app_in_its_state(folder):
    page = (folder / "zh" / "figure" / "depth" / "training.html").read_text(encoding="utf-8")
    links = [link for link in map(unescape, ADDRESS.findall(page)) if link.startswith(SERVER)]
    assert links
    for link in links:
        asked = parse_qs(urlsplit(link).query)
        assert urlsplit(link).path == "/base/depth"
        assert asked["figure"] == ["training"] and asked["lang"] == ["zh"]
        assert asked["depth"] == ["10"] and asked["activation"] == ["sigmoid"]


def test_without_an_app_nothing_leads_there(tmp_path):
    language.use("en")
    module._write_page(Edition(tmp_path, ["en"]), harvest("activations", "en"))
    for page in tmp_path.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "http" not in text and "live" not in text.split("<script")[0]


def test_the_command_line_asks_for_languages_and_an_app(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(module, "write_edition", lambda *arguments: asked.append(arguments))
    main([str(tmp_path), "--lang", "zh", "--server", SERVER])
    main([str(tmp_path)])
    assert asked == [(tmp_path, ["zh"], SERVER), (tmp_path, list(LANGUAGES), None)]
