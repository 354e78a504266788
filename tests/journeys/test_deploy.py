"""What compose.yaml starts, by hand: nginx, a base path, TLS, two processes with one store."""

import ast
import asyncio
import contextlib
import re
import ssl
import subprocess
import sys
import urllib.request
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from app_server import ROOT, Server
from browser import Visitor as Reader
from browser import chromium, chromium_path
from nginx_server import ARGUMENTS, required, running_nginx
from visitors import Visitor

PATH = "/gradviz"
# Quick, and recorded nowhere.
RUN = {"lang": "en", "figure": "training", "depth": "3", "seed": "4321"}


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    """(nginx, its two servers), as compose.yaml has them."""
    required("nginx")
    store = {"GRADVIZ_STORE": str(tmp_path_factory.mktemp("runs"))}
    with contextlib.ExitStack() as stack:
        servers = [Server(base_path=PATH, variables=store) for _ in "12"]
        for server in servers:
            stack.callback(server.stop)
        for server in servers:
            server.wait_until_it_answers()
        folder = tmp_path_factory.mktemp("nginx")
        nginx = stack.enter_context(running_nginx(folder, servers, PATH))
        yield nginx, servers
        for server in servers:
            log = server.stop_and_read_log()
            assert not re.search(r"Traceback|Error|Warning", log), log


def answer(address, **headers):
    """What comes from `address`: its headers, and its body as it was sent."""
    request = urllib.request.Request(address, headers=headers)
    trusting = ssl._create_unverified_context()
    with urllib.request.urlopen(request, timeout=10, context=trusting) as found:
        return found.headers, found.read()


def asset(nginx):
    """The address of the largest script of Streamlit."""
    _, page = answer(f"{nginx.address}/")
    name = re.search(r"static/js/index[^\"]*?js", page.decode())[0]
    return f"{nginx.address}/{name}"


def trains(server):
    """Whether the server has the process in which runs are trained, which needs PyTorch."""
    children = Path(f"/proc/{server.pid}/task").glob("*/children")
    processes = [each for child in children for each in child.read_text("utf-8").split()]
    maps = [Path(f"/proc/{each}/maps").read_text("utf-8") for each in [server.pid, *processes]]
    return any("libtorch" in text for text in maps)


def train(page):
    page.get_by_role("button", name="Train it live").click()
    page.get_by_text("Finished").wait_for(timeout=60_000)


def test_a_run_finished_in_one_process_is_known_to_the_other(deployed):
    _, (first, second) = deployed

    async def train(server):
        async with Visitor(server.address, patience=60) as visitor:
            await visitor.open("depth", **RUN)
            assert not is_recorded(visitor)
            await visitor.press("training_train")
            for _ in range(300):
                if not visitor.watching:
                    return
                await asyncio.sleep(0.1)

    async def look(server):
        async with Visitor(server.address, patience=60) as visitor:
            await visitor.open("depth", **RUN)
            if not is_recorded(visitor):
                return False
            await visitor.press("training_train")
            assert not visitor.watching, "it is not trained again"
            return True

    def is_recorded(visitor):
        return any("Recorded on" in text for text in visitor.texts)

    async def train_here_and_look_there():
        await train(first)
        # A moment after a run has ended it is written.
        for _ in range(20):
            if await look(second):
                return True
            await asyncio.sleep(0.1)
        return False

    assert asyncio.run(train_here_and_look_there())
    assert trains(first)
    assert not trains(second)


def test_a_reader_behind_tls_reads_trains_shares_and_embeds(deployed):
    nginx, _ = deployed
    chromium_path()
    address, host = nginx.public_address, urlsplit(nginx.public_address).netloc
    with chromium(*ARGUMENTS) as browser:
        reader = Reader(browser, height=1400)
        asked = []
        reader.page.on("request", lambda request: asked.append(request.url))
        reader.page.on("websocket", lambda socket: asked.append(socket.url))

        # From home by Next, in the other language, and back.
        reader.open(address)
        reader.page.locator("[data-testid=stMain] [data-testid=stPageLink] a").first.click()
        reader.page.wait_for_url(f"{address}/update_rule?lang=en")
        reader.wait_for_text("What a gradient step does")
        reader.page.get_by_text("中文", exact=True).click()
        reader.wait_for_text("一步梯度更新做了什么")
        reader.page.locator("[data-testid=stMain] [data-testid=stPageLink] a").last.click()
        reader.page.wait_for_url(f"{address}/chain_rule?lang=zh")
        reader.wait_for_text("一串因子的乘积")
        reader.page.go_back()
        reader.page.wait_for_url(f"{address}/update_rule?lang=zh")
        reader.wait_for_text("一步梯度更新做了什么")

        # A run, and the link to it.
        reader.open(f"{address}/depth?lang=en&figure=training&depth=2&seed=4000")
        train(reader.page)
        reader.settle()
        reader.page.locator(".st-key-share_training button").first.click()
        link = reader.page.locator(".gradviz-link")
        link.wait_for()
        shared, embed = link.input_value(), reader.page.locator(".gradviz-embed").input_value()
        assert shared.startswith(f"{address}/depth?")
        assert f'src="{address}/depth?' in embed

        # In a page of another site it trains, too: here from another seed.
        embed = embed.replace("seed=4000", "seed=4001")
        course = f"<html lang=en><title>A course</title><link rel=icon href=data:,>{embed}"
        nginx.course.write_text(course, encoding="utf-8")
        reader.page.goto(nginx.course_address)
        train(reader.page.frame_locator("iframe"))

        elsewhere = {urlsplit(url).netloc for url in asked if not url.startswith(("data", "blob"))}
        assert elsewhere == {host, urlsplit(nginx.course_address).netloc}
        assert any(url.startswith(f"wss://{host}{PATH}/_stcore/stream") for url in asked)
        assert reader.complaints == []


def test_visitors_are_spread_and_each_stays_with_one_process(deployed):
    nginx, servers = deployed

    def sessions():
        found = [answer(f"{server.address}/_stcore/metrics")[1].decode() for server in servers]
        return [int(re.search(r"^active_sessions (\d+)", each, re.MULTILINE)[1]) for each in found]

    async def visit_by_seats(seats):
        began = sessions()
        visitors = [Visitor(nginx.address, cookie=f"gradviz_seat={seat}") for seat in seats]
        async with contextlib.AsyncExitStack() as stack:
            for visitor in visitors:
                await stack.enter_async_context(visitor)
            return tuple(now - then for now, then in zip(sessions(), began, strict=True))

    places = asyncio.run(visit_by_seats([f"seat {n}" for n in range(24)]))
    assert sum(places) == 24 and min(places) >= 4
    alone = {asyncio.run(visit_by_seats(["one"] * 5)) for _ in range(2)}
    assert len(alone) == 1 and sorted(alone.pop()) == [0, 5]


def test_the_seat_is_given_with_a_page_once_and_fits_a_frame(deployed):
    nginx, _ = deployed
    headers, _ = answer(f"{nginx.address}/depth")
    seat = SimpleCookie(headers["Set-Cookie"])["gradviz_seat"]
    assert seat["path"] == f"{PATH}/" and seat["httponly"] and seat["samesite"] == "Lax"
    again, _ = answer(f"{nginx.address}/depth", Cookie=f"gradviz_seat={seat.value}")
    assert "gradviz_seat" not in str(again.get_all("Set-Cookie"))
    assert "gradviz_seat" not in str(answer(asset(nginx))[0].get_all("Set-Cookie"))
    behind_tls = answer(f"{nginx.tls_address}/depth")[0]["Set-Cookie"]
    assert behind_tls.endswith("SameSite=None; Secure; Partitioned")


def test_headers_protect_the_visitor_and_let_course_pages_frame_the_app(deployed, tmp_path):
    nginx, servers = deployed
    for address in (
        f"{nginx.address}/",
        f"{nginx.address}/depth",
        f"{nginx.address}/_stcore/health",
    ):
        headers, _ = answer(address)
        assert headers.get_all("X-Content-Type-Options") == ["nosniff"]
        assert headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
        assert "default-src 'self'" in headers["Content-Security-Policy"]
        assert "frame-ancestors" not in headers["Content-Security-Policy"]
        for name in (
            "X-Frame-Options",
            "Cross-Origin-Opener-Policy",
            "Cross-Origin-Embedder-Policy",
        ):
            assert name not in headers
    school = "'self' https://course.example.edu"
    with running_nginx(tmp_path, servers, PATH, framed_by=school) as strict:
        policy = answer(f"{strict.address}/depth")[0]["Content-Security-Policy"]
    assert policy.endswith(f"; frame-ancestors {school}")


def test_scripts_are_compressed_kept_by_nginx_and_by_browsers(deployed):
    nginx, _ = deployed
    plain = answer(asset(nginx))[1]
    headers, compressed = answer(asset(nginx), **{"Accept-Encoding": "gzip"})
    assert headers["Content-Encoding"] == "gzip" and len(compressed) < len(plain) / 2
    assert "immutable" in headers["Cache-Control"]
    kept = [path.stat().st_size for path in nginx.cache.rglob("*") if path.is_file()]
    assert any(size > len(plain) for size in kept)


def test_the_path_without_its_slash_leads_to_home(deployed):
    nginx, _ = deployed
    assert b"<title>" in answer(nginx.address)[1]


def test_the_health_check_of_the_image_holds_for_a_server_that_runs(deployed):
    _, (server, _) = deployed
    dockerfile = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    (found,) = re.findall(r"^HEALTHCHECK .* CMD (\[.*\])$", dockerfile, re.MULTILINE)
    _, *rest = ast.literal_eval(found)
    for port, healthy in ((server.port, True), (1, False)):
        own = {
            "STREAMLIT_SERVER_PORT": str(port),
            "STREAMLIT_SERVER_BASE_URL_PATH": PATH,
        }
        asked = subprocess.run([sys.executable, *rest], env=own, capture_output=True, check=False)
        assert (asked.returncode == 0) == healthy


def test_compose_gives_the_template_all_that_it_asks_for():
    template = (ROOT / "deploy" / "nginx.conf.template").read_text(encoding="utf-8")
    compose = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    asked = set(re.findall(r"\$\{(\w+)\}", template))
    assert asked == set(re.findall(r"^ +(GRADVIZ_\w+):", compose, re.MULTILINE))
