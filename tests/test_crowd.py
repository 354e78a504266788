"""A small class at once: everybody is served, and what several want is computed once."""

import asyncio

from app_server import running_server
from crowd import COUNTED, classmates, resident, visit_all

VISITORS, WITHIN = 16, 3  # seconds
MOST_MEMORY = 900  # megabytes, with what trains


def test_a_small_crowd_is_served_without_an_error(tmp_path):
    account = tmp_path / "computed"
    mates = classmates(VISITORS, WITHIN, pages=3, pause=(0.2, 0.5))
    with running_server(command=COUNTED, variables={"GRADVIZ_COMPUTED": str(account)}) as server:
        asyncio.run(visit_all(mates, server.address, patience=60))
        held = resident([server.pid])
        log = server.stop_and_read_log()
    assert [mate.errors for mate in mates if mate.errors] == []
    assert [mate.stuck for mate in mates if mate.stuck] == []
    trained = [mate for mate in mates if mate.role != "reads"]
    assert len(trained) == VISITORS // 2 and all(mate.trained and mate.words for mate in trained)
    computed = account.read_text(encoding="utf-8").split()
    own = sum(mate.role == "own" for mate in mates)
    # A page that somebody reads may start a run, too.
    assert len(computed) == len(set(computed)) >= own + 1
    assert 100 < held < MOST_MEMORY
    assert "Traceback" not in log and "Error" not in log
