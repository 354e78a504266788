"""A small crowd is served: nobody meets an error or is stuck. How quickly, `crowd.py` measures."""

import asyncio

import crowd


def test_a_small_crowd_is_served(monkeypatch):
    monkeypatch.setattr(crowd, "READS", (0.3, 2))
    with crowd.deployment(processes=1) as (address, servers):
        served, memories = asyncio.run(
            crowd.crowded(address, servers, visitors=8, within=1, later=0)
        )
        log = servers[0].stop_and_read_log()
    assert not served.errors
    assert served.asked == {"default": 2, "own": 2}
    assert not served.unfinished("default") and not served.unfinished("own")
    assert len(served.loads) == 4 + 4 * 2
    assert all(0 < megabytes < crowd.PEAK for megabytes in memories)
    assert "Traceback" not in log


def test_what_is_not_kept_is_counted(capsys):
    met = crowd.Crowd(loads=[0.5] * 9 + [5.0])
    met.asked["default"] = met.asked["own"] = 1
    met.runs["default"].append(2.0)
    assert crowd.report(met, (400, 700, 450)) == 2
    printed = capsys.readouterr().out
    assert "p50 0.5 s, p95 5.0 s" in printed
    assert "own runs: 1 asked for, 1 unfinished" in printed
    assert printed.count("NOT KEPT") == 2
