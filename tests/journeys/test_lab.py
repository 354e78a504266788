"""The lab: a link sets an exercise, another solves it, a third is the receipt; one step for all."""

import pytest
from browser import Visitor, chromium, chromium_path, fresh_server

START = "lab?lang=en&a=depth-6~width-16~batch_size-32~steps-40&b=none&c=none&d=none"
STEP = "input[name=replay_step]"


@pytest.fixture(scope="module")
def server():
    chromium_path()
    with fresh_server() as found:
        yield found


def press(visitor, button):
    visitor.page.get_by_role("button", name=button, exact=True).first.click()
    visitor.settle()


def said(visitor, words):
    """Wait until the task says `words`, with which a run has ended."""
    found = visitor.figure("task").get_by_text(words)
    found.wait_for(timeout=90_000)
    visitor.settle()


def link_in(visitor):
    return visitor.figure("task").locator("code").last.inner_text()


def choose(visitor, group, key, option):
    """Set a field of arm A that is chosen from a list."""
    race = visitor.figure("race")
    race.get_by_text(group, exact=True).click()
    visitor.page.locator(f".st-key-edit_a_{key} input").click()
    visitor.page.get_by_role("option", name=option, exact=True).click()
    visitor.settle()


def test_an_exercise_is_set_solved_in_another_language_and_its_receipt_verified(server):
    address, _ = server
    with chromium() as browser:
        teacher = Visitor(browser)
        teacher.open(f"{address}/{START}")
        teacher.figure("task").scroll_into_view_if_needed()
        teacher.figure("task").locator(".st-key-exercise_goal input").click()
        teacher.page.get_by_role("option", name="Signal at layer 1", exact=False).click()
        teacher.settle()
        exercise = link_in(teacher)
        assert "goal=kept" in exercise

        student = Visitor(browser, locale="zh-CN")
        student.open(exercise)
        student.wait_for_text("先在下面改动网络，再训练它。")
        press(student, "现场训练")
        said(student, "还没有达到要求")
        choose(student, "补救方法", "norm", "batch")
        press(student, "现场训练")
        said(student, "练习完成")
        receipt = link_in(student)

        anybody = Visitor(browser)
        anybody.open(receipt)
        said(anybody, "The exercise is met")
        assert "norm-batch" in anybody.page.url
        for visitor in (teacher, student, anybody):
            assert not visitor.complaints
            visitor.close()


def test_one_slider_moves_all_pictures_of_the_run_without_the_server(server):
    address, _ = server
    with chromium() as browser:
        visitor = Visitor(browser)
        visitor.open(f"{address}/lab?lang=en")
        sliders = [visitor.figure(name).locator(STEP) for name in ("race", "everything")]
        for slider in sliders:
            slider.wait_for(state="attached")
        visitor.page.wait_for_timeout(1000)
        sent = len(visitor.sent)
        for moved, follows, step in ((*sliders, 100), (*reversed(sliders), 40)):
            moved.scroll_into_view_if_needed()
            moved.fill(str(step))
            visitor.page.wait_for_timeout(800)
            assert [moved.input_value(), follows.input_value()] == [str(step)] * 2
        assert len(visitor.sent) == sent
        assert not visitor.complaints
        visitor.close()


def waits_for_arms(visitor, letters):
    visitor.page.wait_for_function(
        """(letters) => {
          const all = document.querySelectorAll(".st-key-figure_race .st-key-edit button");
          const shown = [...all].map((button) => button.innerText.trim()).filter(Boolean);
          return shown.join("") === letters;
        }""",
        arg=letters,
    )
    visitor.settle()


def test_arms_come_and_go_on_the_whole_page(server):
    address, _ = server
    with chromium() as browser:
        visitor = Visitor(browser)
        visitor.open(f"{address}/lab?lang=en")
        race = visitor.figure("race")
        for button, letters in (("Duplicate", "ABCD"), ("Remove", "ABC"), ("Remove", "AB")):
            race.get_by_role("button", name=button).click()
            waits_for_arms(visitor, letters)
            race.get_by_text("Network", exact=True).wait_for()
        for letters in ("ABC", "ABCD", "ABC"):
            visitor.page.go_back()
            waits_for_arms(visitor, letters)
        visitor.figure("diagnosis").get_by_role("button", name="Add an arm").first.click()
        waits_for_arms(visitor, "ABCD")
        assert "edit=d" in visitor.page.url and not visitor.complaints
        visitor.close()
