"""What a node tells of itself and of others: why a member is where it is, and its counters."""

from __future__ import annotations

import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import chinwag
import pytest
from chinwag import MemberState
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from support import eventually, eventually_blocking, find, quick, run, wait_for


def families(text: str) -> dict[str, Metric]:
    """What Prometheus' own parser, which refuses what is not OpenMetrics, finds in the text."""
    parsed = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    return {family.name: family for family in parsed}


def samples(text: str) -> dict[tuple[str, str], float]:
    """The values by their names, and by their state if they have one."""
    found = (sample for family in families(text).values() for sample in family.samples)
    return {(sample.name, sample.labels.get("state", "")): sample.value for sample in found}


def test_metrics_are_what_prometheus_reads() -> None:
    name = 'we"b\\1\n'

    async def main() -> None:
        async with chinwag.start(name, **quick()) as a:
            async with chinwag.start("b", **quick(seeds=[a.addr])) as b:
                await eventually(lambda: len(a.members()) == 2)
                assert await a.ping("b") > 0
                text, stats = a.metrics(), a.stats()
                found = families(text)
                [node] = found["chinwag_node"].samples
                assert node.labels["name"] == name and node.labels["addr"] == a.addr
                assert node.labels["version"] == chinwag.__version__
                kinds = {family.type for family in found.values()}
                assert kinds == {"info", "gauge", "counter", "histogram"}
                assert all(family.documentation for family in found.values())
                assert stats.keys() <= {f.removeprefix("chinwag_") for f in found}
                values = samples(text)
                assert values["chinwag_members", "alive"] == 2
                assert values["chinwag_members", "left"] == 0
                assert 1 <= values["chinwag_round_trip_seconds_count", ""]
                assert 0 < values["chinwag_round_trip_seconds_sum", ""] < 60
                before = values["chinwag_packets_sent_total", ""]
                assert 0 < before <= stats["packets_sent"]
                await b.leave()
                left = ("chinwag_members", "left")
                await eventually(lambda: samples(a.metrics())[left] == 1)
        # What was counted stays to be read.
        assert samples(a.metrics())["chinwag_packets_sent_total", ""] >= before

    run(main())


def test_metrics_are_served_by_a_plain_http_server() -> None:
    """As the README shows it: any thread may ask for them."""
    with chinwag.blocking.start("a", **quick()) as node:

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                kind = "application/openmetrics-text; version=1.0.0; charset=utf-8"
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(node.metrics().encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = Thread(target=server.handle_request)
            thread.start()
            with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}") as response:
                assert samples(response.read().decode())["chinwag_members", "alive"] == 1
            thread.join()


def test_a_failure_is_explained() -> None:
    async def main() -> None:
        async with chinwag.start("a", **quick()) as a:
            b = await chinwag.start("b", **quick(seeds=[a.addr]))
            await eventually(lambda: len(a.members()) == 2)
            told = await a.explain("b")
            assert (told.state, told.fails_in, told.observed) == (MemberState.ALIVE, None, ())
            assert told.state is MemberState.ALIVE
            assert type(told.since) is float and told.since >= 0
            events = a.events()
            await b.close()
            await wait_for(events, "member-failed", "b")
            told = await a.explain("b")
            assert told.state is MemberState.FAILED and told.fails_in is None
            kinds = [seen.kind for seen in told.observed]
            assert kinds[-1] == "failed" and {"probe-failed", "suspected"} <= set(kinds)
            ages = [seen.ago for seen in told.observed]
            assert ages == sorted(ages, reverse=True) and all(type(ago) is float for ago in ages)
            assert all(seen.text for seen in told.observed)
            with pytest.raises(TypeError):
                await a.explain(None)  # type: ignore[arg-type]

    run(main())


def test_a_suspect_has_time_left_and_a_stranger_has_nothing() -> None:
    with chinwag.blocking.start("a", **quick(suspicion_mult=1000)) as a:
        b = chinwag.blocking.start("b", **quick(seeds=[a.addr]))
        eventually_blocking(lambda: len(a.members()) == 2)
        events = a.events()
        b.close()
        find(events, "member-suspect", "b")
        told = a.explain("b")
        assert told.state is MemberState.SUSPECT
        assert told.fails_in is not None and told.fails_in > 0
        nothing = chinwag.Explanation(state=None, since=None, fails_in=None, observed=())
        assert a.explain("nobody") == nothing
