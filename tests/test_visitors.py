"""A visitor without a browser gets what the app draws."""

import asyncio

from app_server import running_server
from visitors import Visitor


async def visit(address):
    async with Visitor(address, patience=30) as visitor:
        await visitor.open("chain_rule", lang="en")
        return visitor


def test_a_visitor_without_a_browser_gets_the_charts_of_a_page():
    with running_server() as server:
        visitor = asyncio.run(visit(server.address))
        assert visitor.charts and not visitor.errors
        assert visitor.received > 1000
        assert "Traceback" not in server.stop_and_read_log()
