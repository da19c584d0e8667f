"""What a load test computes from requests and records."""

import pytest

from easel_contract.record import TaskStatus
from easel_load.figures import Percentiles, busyness, figures_of
from easel_load.knee import find_knee, keeps_up

from .load_world import load_of_line, refusal, request, task

pytestmark = pytest.mark.unit


def test_percentiles_lie_between_the_values() -> None:
    assert Percentiles.of(range(101)) == Percentiles(50.0, 95.0, 99.0)
    assert Percentiles.of([2.5]) == Percentiles(2.5, 2.5, 2.5)
    assert Percentiles.of([]) == Percentiles(None, None, None)


def test_a_run_is_counted() -> None:
    sent = [
        *(request(number, float(number)) for number in range(1, 5)),
        refusal(2.0, 429, "throttled"),
        refusal(3.0, 503, "unavailable", says_when=False),
        refusal(4.0, 0, "ReadTimeout"),
    ]
    ends = [
        task(1, created=1, started=1, ended=3),
        task(2, created=2, started=3, ended=5, attempts=2),
        task(3, created=3, started=None, ended=None),
        task(9, created=3, started=3, ended=9),  # somebody else's
    ]
    figures = figures_of(sent, {one.uid: one for one in ends}, asked_rate=1.5)
    assert (figures.sent, figures.accepted, figures.completed) == (7, 4, 2)
    assert (figures.failed, figures.not_ended, figures.lost, figures.begun_again) == (0, 1, 1, 1)
    assert figures.refusals == {
        "429 throttled": 1,
        "503 unavailable": 1,
        "no answer (ReadTimeout)": 1,
    }
    assert figures.bad_refusals == 2
    assert (figures.send_seconds, figures.total_seconds) == (3.0, 4.0)
    assert figures.finished_rate == 0.5
    assert figures.end_to_end.p50 == 2.5
    assert figures.wait.p50 == 0.5
    assert figures.phases.generation == 1.5
    assert "429" in figures.limit


def test_a_failed_task_ends_too() -> None:
    ended = task(1, created=0, started=0, ended=2, status=TaskStatus.FAILED)
    figures = figures_of([request(1, 0.0)], {ended.uid: ended}, asked_rate=1.0)
    assert (figures.completed, figures.failed, figures.lost) == (0, 1, 0)
    assert figures.busy_share == 0.0


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        ([(0, 10)], (1, 1.0)),
        ([(0, 5), (5, 10)], (1, 1.0)),
        # Rounded times: a millisecond of two at once is no second runtime.
        ([(0, 5.001), (5, 10)], (1, 1.0)),
        ([(0, 4), (6, 10)], (1, 0.8)),
        ([(0, 10), (0, 10)], (2, 1.0)),
        ([(0, 10), (0, 5)], (2, 0.75)),
        ([], (0, 0.0)),
    ],
)
def test_busy_runtimes_are_told_from_idle_ones(
    spans: list[tuple[float, float]], expected: tuple[int, float]
) -> None:
    tasks = [
        task(number, created=begin, started=begin, ended=end + 0.5)
        for number, (begin, end) in enumerate(spans)
    ]
    level, share = busyness(tasks)
    assert (level, share) == (expected[0], pytest.approx(expected[1], abs=0.001))


@pytest.mark.parametrize(("servers", "service"), [(1, 0.5), (1, 2.0), (4, 1.0)])
def test_the_knee_is_found_where_the_servers_are_full(servers: int, service: float) -> None:
    rates: list[float] = []

    def run(rate: float):  # type: ignore[no-untyped-def]
        rates.append(rate)
        sent, ends = load_of_line(rate, 120, servers, service)
        return figures_of(sent, ends, rate)

    search = find_knee(run, first_rate=0.3, most_rate=50.0, halvings=3)
    full = servers / service
    # A run may end its tasks at 90 % of their rate: a knee is found up to a ninth too high.
    assert search.knee == pytest.approx(full, rel=0.15)
    assert search.over is not None
    assert search.over.figures.finished_rate == pytest.approx(full, rel=0.05)
    assert search.over.figures.runtimes_at_work == servers
    assert "the runtimes" in search.over.figures.limit
    assert search.beyond is not None
    assert rates[-1] == search.beyond.rate == 2 * search.knee
    assert search.beyond.figures.lost == 0


def test_a_search_begins_lower_where_the_first_rate_is_too_high() -> None:
    def run(rate: float):  # type: ignore[no-untyped-def]
        sent, ends = load_of_line(rate, 120, 1, 1.0)
        return figures_of(sent, ends, rate)

    search = find_knee(run, first_rate=6.0, most_rate=50.0, halvings=2)
    assert search.knee == pytest.approx(1.0, rel=0.15)


def test_a_search_ends_at_the_highest_rate() -> None:
    def run(rate: float):  # type: ignore[no-untyped-def]
        sent, ends = load_of_line(rate, 60, 50, 0.1)
        return figures_of(sent, ends, rate)

    search = find_knee(run, first_rate=1.0, most_rate=2.0, halvings=2)
    assert search.knee == 2.0
    assert search.over is None
    assert search.beyond is None


def test_refusals_are_no_keeping_up() -> None:
    sent, ends = load_of_line(1.0, 60, 4, 0.1)
    assert keeps_up(figures_of(sent, ends, 1.0))
    refused = [*sent, *(refusal(1.0, 429, "throttled") for _ in range(3))]
    assert not keeps_up(figures_of(refused, ends, 1.0))
