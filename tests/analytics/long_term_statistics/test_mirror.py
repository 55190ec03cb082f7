"""The hours that are written down elsewhere are those of all events, whatever happens between."""

import os
from pathlib import Path
import tempfile

from hypothesis import HealthCheck, given, settings, strategies as st

from ..compare_hours import HourComparison
from ..random_analyses import CARE, SIZES, Operation, Story, big_batches, presents
from ..random_ledgers import OPERATIONS, ZONES, events

CI = os.environ.get("CI") == "true"
EXAMPLES = int(os.environ.get("LEDGER_EXAMPLES", "300" if CI else "60"))
BIG = EXAMPLES // 4
UNHURRIED = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
COPYING: st.SearchStrategy[Operation] = st.one_of(
    st.tuples(st.just("copy"), st.sampled_from([None, 0, 1, 2])),
    st.tuples(st.just("copy"), st.none()),
    st.tuples(st.just("recent"), st.none()),
    st.tuples(st.just("lose"), st.sampled_from(["total", "model_openai_gpt_4o"])),
    st.tuples(
        st.just("forget"),
        st.tuples(
            st.sampled_from(["ip:192.168.1.20", "ip:fd00::7", "ha:9f3c0a", "ip:10.0.0.3"]),
            st.booleans(),
        ),
    ),
    st.tuples(st.just("damage"), st.sampled_from(["requests", "prompt", "cost"])),
    st.tuples(st.just("delete"), st.integers(1, 30)),
    st.tuples(st.just("clean"), st.sampled_from([(1, False), (9, False), (30, False)])),
    st.tuples(st.just("batch"), st.lists(events(), min_size=1, max_size=4)),
)


@st.composite
def stories(draw: st.DrawFn, *, big: bool) -> Story:
    zone = draw(st.sampled_from(ZONES))
    begin = big_batches(draw(SIZES)) if big else []
    operations = draw(st.lists(OPERATIONS | CARE | COPYING | COPYING, min_size=3, max_size=14))
    return Story(zone, draw(presents(zone)), draw(st.booleans()), begin + operations)


async def live(story: Story) -> None:
    with tempfile.TemporaryDirectory() as folder:
        comparison = await HourComparison.start(story, Path(folder, "ledger.db"))
        try:
            for name, argument in story.operations:
                await comparison.live(name, argument)
            await comparison.check()
        finally:
            await comparison.engine.close()


@settings(UNHURRIED, max_examples=EXAMPLES - BIG)
@given(story=stories(big=False))
async def test_small_ledgers(story: Story) -> None:
    await live(story)


@settings(UNHURRIED, max_examples=BIG)
@given(story=stories(big=True))
async def test_big_ledgers(story: Story) -> None:
    await live(story)
