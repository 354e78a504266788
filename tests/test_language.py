import json
import threading

import pytest

from gradviz import language
from gradviz.language import current, t, use


@pytest.fixture(autouse=True)
def english():
    use("en")
    yield
    use("en")


def test_a_text_is_said_in_the_current_language():
    assert (current(), t("Depth", "深度")) == ("en", "Depth")
    use("zh")
    assert (current(), t("Depth", "深度")) == ("zh", "深度")


def test_values_are_filled_in_and_braces_without_values_stay():
    use("zh")
    assert t("layer {layer}", "第 {layer} 层", layer=3) == "第 3 层"
    assert t("{x}", "{x}") == "{x}"


def test_an_unknown_language_is_refused_and_changes_nothing():
    with pytest.raises(ValueError, match="lang='xx' is not one of en, zh"):
        use("xx")
    assert current() == "en"


def test_each_visitor_has_a_language_of_their_own():
    use("zh")
    seen = []
    thread = threading.Thread(target=lambda: seen.append(current()))
    thread.start()
    thread.join()
    assert (seen, current()) == (["en"], "zh")


def test_a_further_language_is_a_folder_and_falls_back_to_english(monkeypatch, tmp_path):
    (tmp_path / "fr").mkdir()
    (tmp_path / "fr" / "strings.json").write_text(
        json.dumps({"Depth {n}": "Profondeur {n}"}), encoding="utf-8"
    )
    monkeypatch.setattr(language, "_PAGES", tmp_path)
    monkeypatch.setitem(language.LANGUAGES, "fr", "français")
    language._strings.cache_clear()
    use("fr")
    assert t("Depth {n}", "深度 {n}", n=3) == "Profondeur 3"
    assert t("Width", "宽度") == "Width"
    language._strings.cache_clear()
