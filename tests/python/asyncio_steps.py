"""The order of asyncio's steps, in small scenarios, for stage 4 to repeat.

Prints for each of them `# name`, then what it notes. Those that are counted
note each line with the number of the loop's turn. That is left out where it
is not promised: where there are timers, and what combinators need for
themselves.
"""

import asyncio
import time
from asyncio import (
    CancelledError,
    Event,
    current_task,
    gather,
    get_running_loop,
    sleep,
    wait_for,
)
from threading import Thread

MS = 0.001
LONG = 1000

turn = None
SCENARIOS = []
kept = []


class Boom(Exception):
    pass


def note(text):
    print(text if turn is None else f"{turn} {text}")


def tick():
    """Counts turns: it is the first in each."""
    global turn
    turn += 1
    call_soon(tick)


def counted(scenario):
    """Runs it as a main coroutine, and counts turns."""

    async def main():
        global turn
        turn = 1
        call_soon(tick)
        await scenario()

    SCENARIOS.append((scenario.__name__, lambda: asyncio.run(main())))


def timed(scenario):
    """Runs it as a main coroutine, and counts nothing."""
    SCENARIOS.append((scenario.__name__, lambda: asyncio.run(scenario())))


def plain(scenario):
    """Runs a function that runs loops."""
    SCENARIOS.append((scenario.__name__, scenario))


def create_task(coroutine):
    """As asyncio's, which alone does not keep the task."""
    task = asyncio.create_task(coroutine)
    kept.append(task)
    return task


def create_future():
    return get_running_loop().create_future()


def call_soon(callback, *args):
    return get_running_loop().call_soon(callback, *args)


def truth(value):
    return "true" if value else "false"


def cancel_myself():
    note(f"a cancels itself: {truth(current_task().cancel())}")


async def turns(count):
    for _ in range(count):
        await sleep(0)


async def outcome(awaitable):
    try:
        return await awaitable
    except (CancelledError, TimeoutError, Boom) as exception:
        return kind(exception)


def kind(exception):
    name = type(exception).__name__.removesuffix("Error")
    return "Elapsed" if name == "Timeout" else name


def told(name):
    """A callback that notes how a future has ended."""

    def callback(future):
        try:
            note(f"{name} is told {future.result()}")
        except CancelledError:
            note(f"{name} is told Cancelled")

    return callback


def asks(name):
    """A callback that notes whether a task was cancelled."""

    def callback(task):
        note(f"{name}: cancelled {truth(task.cancelled())}")

    return callback


async def pauses(name, count):
    note(f"{name} begins")
    for _ in range(count):
        await sleep(0)
        note(f"{name} goes on")
    return name


async def sleeps(name, seconds):
    note(f"{name} begins")
    await sleep(seconds)
    note(f"{name} wakes up")
    return name


async def waits(name, awaitable):
    note(f"{name} begins")
    note(f"{name} got {await outcome(awaitable)}")
    return name


async def cleans_up(name, awaitable):
    note(f"{name} begins")
    try:
        await awaitable
        note(f"{name} goes on")
    finally:
        note(f"{name} cleaned up")
    return name


# Callbacks and the steps of tasks.


@counted
async def tasks_begin_in_the_order_of_their_making():
    tasks = [create_task(pauses(name, 1)) for name in "abc"]
    note(f"made {len(tasks)}")
    await turns(3)


@counted
async def callbacks_and_steps_share_one_queue():
    call_soon(note, "callback 1")
    create_task(pauses("a", 1))
    call_soon(note, "callback 2")
    create_task(pauses("b", 1))
    call_soon(note, "callback 3")
    await turns(3)


@counted
async def what_a_callback_schedules_is_for_the_next_turn():
    def first():
        note("first")
        call_soon(note, "from the first")

    call_soon(first)
    call_soon(note, "second")
    await turns(3)


@counted
async def a_cancelled_handle_is_not_called():
    handles = []

    def cancels():
        note("cancels the next")
        handles[0].cancel()

    call_soon(cancels)
    handles.append(call_soon(note, "never"))
    call_soon(note, "the last")
    await turns(2)


@counted
async def sleep_0_takes_turns():
    counts = {"a": 3, "b": 1, "c": 2}
    for item in counts.items():
        create_task(pauses(*item))
    await turns(5)


@counted
async def a_coroutine_is_entered_at_once():
    async def outer():
        note("outer begins")
        result = await pauses("inner", 1)
        note(f"outer got {result}")

    create_task(outer())
    create_task(pauses("other", 2))
    await turns(4)


@counted
async def a_task_made_by_a_task_begins_in_the_next_turn():
    async def parent():
        note("parent begins")
        child = create_task(pauses("child", 1))
        note("parent has made it")
        await sleep(0)
        note("parent goes on")
        await child

    create_task(parent())
    create_task(pauses("other", 3))
    await turns(5)


# Futures.


@counted
async def who_waits_goes_on_in_the_order_of_arrival():
    future = create_future()
    create_task(waits("a", future))
    await turns(1)
    future.add_done_callback(told("callback 1"))
    create_task(waits("b", future))
    await turns(1)
    future.add_done_callback(told("callback 2"))
    future.set_result(1)
    note("set")
    await turns(2)


@counted
async def a_result_is_queued_between_two_callbacks():
    future = create_future()
    create_task(waits("a", future))
    await turns(1)
    call_soon(note, "before")
    future.set_result(1)
    call_soon(note, "after")
    note("set")
    await turns(2)


@counted
async def a_late_callback_is_scheduled():
    future = create_future()
    future.set_result(1)
    future.add_done_callback(told("callback"))
    note("added")
    await turns(2)


@counted
async def callbacks_are_removed():
    future = create_future()
    callbacks = [told(name) for name in ("a", "b", "c")]
    for callback in callbacks:
        future.add_done_callback(callback)
    note(f"removed: {truth(future.remove_done_callback(callbacks[1]))}")
    note(f"again: {truth(future.remove_done_callback(callbacks[1]))}")
    future.set_result(1)
    note(f"too late: {truth(future.remove_done_callback(callbacks[2]))}")
    await turns(2)


@counted
async def two_wait_for_a_future_that_is_cancelled():
    future = create_future()
    for name in "ab":
        create_task(waits(name, future))
    future.add_done_callback(told("callback"))
    await turns(1)
    note(f"cancel: {truth(future.cancel())}, {truth(future.cancel())}")
    note(f"cancelled: {truth(future.cancelled())}")
    await turns(2)


@counted
async def a_done_future_does_not_suspend():
    future = create_future()
    future.set_result(1)

    async def act():
        for _ in range(2):
            note(f"a got {await future}")
        await pauses("a", 1)

    create_task(act())
    create_task(pauses("other", 1))
    await turns(3)


@counted
async def a_future_is_set_once():
    def tried(what, function, *args):
        try:
            note(f"{what}: {function(*args)}")
        except (CancelledError, asyncio.InvalidStateError) as exception:
            note(f"{what}: {kind(exception)}")

    future = create_future()
    tried("too early", future.result)
    future.set_result(1)
    tried("set", future.result)
    tried("set again", future.set_result, 2)
    note(f"cancel: {truth(future.cancel())}")
    gone = create_future()
    gone.cancel()
    tried("cancelled", gone.result)
    tried("set", gone.set_result, 1)


@counted
async def two_tasks_wake_each_other():
    futures = [create_future() for _ in range(4)]

    async def player(name, own):
        for n in own:
            note(f"{name} got {await futures[n]}")
            if n + 1 < len(futures):
                futures[n + 1].set_result(n + 1)

    create_task(player("ping", [0, 2]))
    create_task(player("pong", [1, 3]))
    await turns(1)
    futures[0].set_result(0)
    await turns(5)


# Waiting for tasks.


@counted
async def who_waits_for_a_task_goes_on_in_the_next_turn():
    future = create_future()
    inner = create_task(waits("inner", future))
    middle = create_task(waits("middle", inner))
    create_task(waits("outer", middle))
    await turns(1)
    future.set_result(1)
    note("set")
    await turns(4)


@counted
async def a_done_task_does_not_suspend():
    a = create_task(pauses("a", 0))
    await turns(1)
    create_task(pauses("other", 1))
    note(f"done: {truth(a.done())}")
    note(f"got {await a}")
    await turns(3)


@counted
async def one_waits_for_a_task_and_others_are_told():
    a = create_task(pauses("a", 3))
    a.add_done_callback(asks("callback 1"))
    create_task(waits("waiter", a))
    await turns(1)
    a.add_done_callback(asks("callback 2"))
    await turns(4)
    a.add_done_callback(asks("late callback"))
    note("added")
    await turns(1)


@counted
async def a_removed_callback_of_a_task():
    a = create_task(pauses("a", 1))
    callbacks = [asks("first"), asks("second")]
    for callback in callbacks:
        a.add_done_callback(callback)
    note(f"removed: {truth(a.remove_done_callback(callbacks[0]))}")
    await turns(2)
    note(f"too late: {truth(a.remove_done_callback(callbacks[1]))}")
    await turns(1)


# Cancelling.


@counted
async def cancelled_before_its_first_step():
    a = create_task(pauses("a", 1))
    a.add_done_callback(asks("callback"))
    note(f"cancel: {truth(a.cancel())}, done: {truth(a.done())}")
    create_task(pauses("other", 1))
    await turns(1)
    note(f"done: {truth(a.done())}, cancelled: {truth(a.cancelled())}")
    await turns(2)


@counted
async def cancelled_while_it_sleeps():
    a = create_task(cleans_up("a", sleep(LONG)))
    a.add_done_callback(asks("callback"))
    await turns(1)
    call_soon(note, "before")
    note(f"cancel: {truth(a.cancel())}, done: {truth(a.done())}")
    call_soon(note, "after")
    await turns(2)
    note(f"cancel: {truth(a.cancel())}, cancelled: {truth(a.cancelled())}")


@counted
async def cancelled_in_sleep_0():
    a = create_task(cleans_up("a", turns(3)))
    create_task(pauses("other", 3))
    await turns(2)
    note(f"cancel: {truth(a.cancel())}")
    await turns(2)


@counted
async def cancelled_by_who_comes_first_in_the_turn():
    victims = []

    async def canceller(name, n):
        note(f"{name} begins")
        await sleep(0)
        note(f"{name} cancels: {truth(victims[n].cancel())}")

    create_task(canceller("before", 0))
    victims.append(create_task(cleans_up("first", turns(5))))
    victims.append(create_task(cleans_up("second", turns(5))))
    create_task(canceller("behind", 1))
    await turns(4)


@counted
async def cancelled_while_it_waits():
    future = create_future()
    a = create_task(cleans_up("a", future))
    create_task(pauses("other", 3))
    await turns(1)
    note(f"cancel: {truth(a.cancel())}, done: {truth(a.done())}")
    await turns(1)
    note(f"cancelled: {truth(a.cancelled())}")
    await turns(1)


@counted
async def cancelled_twice():
    a = create_task(cleans_up("a", sleep(LONG)))
    a.add_done_callback(asks("callback"))
    await turns(1)
    note(f"cancel: {truth(a.cancel())}, {truth(a.cancel())}")
    await turns(2)
    note(f"cancel: {truth(a.cancel())}")


@counted
async def cancelled_with_the_result_on_its_way():
    future = create_future()
    a = create_task(cleans_up("a", future))
    a.add_done_callback(asks("callback"))
    future.add_done_callback(told("the future"))
    await turns(1)
    future.set_result(1)
    note(f"cancel: {truth(a.cancel())}")
    await turns(2)


@counted
async def cancelled_when_it_is_done():
    a = create_task(pauses("a", 0))
    a.add_done_callback(asks("callback"))
    await turns(1)
    note(f"cancel: {truth(a.cancel())}, cancelled: {truth(a.cancelled())}")
    await turns(1)
    note(f"got {await outcome(a)}")


@counted
async def cancels_itself_and_waits():
    future = create_future()

    async def act():
        cancel_myself()
        await cleans_up("a", future)

    a = create_task(act())
    a.add_done_callback(asks("callback"))
    create_task(pauses("other", 2))
    await turns(4)


@counted
async def cancels_itself_and_pauses():
    async def act():
        cancel_myself()
        await cleans_up("a", turns(2))

    a = create_task(act())
    a.add_done_callback(asks("callback"))
    create_task(pauses("other", 2))
    await turns(4)


@counted
async def cancels_itself_and_returns():
    future = create_future()
    future.set_result(1)

    async def act():
        cancel_myself()
        note(f"a does not suspend: {await future}")
        return "a"

    a = create_task(act())
    a.add_done_callback(asks("callback"))
    await turns(2)
    note(f"got {await outcome(a)}")


@counted
async def who_waits_for_a_cancelled_task():
    a = create_task(cleans_up("a", sleep(LONG)))
    b = create_task(waits("b", a))
    await turns(1)
    a.add_done_callback(asks("callback"))
    note(f"cancel: {truth(a.cancel())}")
    await turns(3)
    note(f"b: cancelled {truth(b.cancelled())}")


# Events.


@counted
async def an_event_wakes_in_order_though_it_is_cleared_at_once():
    event = Event()

    async def act(name):
        note(f"{name} begins")
        await event.wait()
        note(f"{name} goes on: set {truth(event.is_set())}")

    for name in "abc":
        create_task(act(name))
    await turns(1)
    event.set()
    event.clear()
    note("set and cleared")
    create_task(act("late"))
    await turns(2)
    event.set()
    await turns(2)


@counted
async def an_event_that_is_set_does_not_suspend():
    event = Event()
    event.set()

    async def act():
        await event.wait()
        await pauses("a", 1)

    create_task(act())
    create_task(pauses("other", 1))
    await turns(3)


@counted
async def one_of_those_who_wait_for_an_event_is_cancelled():
    event = Event()
    tasks = [create_task(cleans_up(name, event.wait())) for name in "abc"]
    await turns(1)
    tasks[1].cancel()
    event.set()
    note("cancelled, and set")
    await turns(2)


# Timers: the main coroutine counts nothing.


@timed
async def timers_come_in_the_order_of_their_times():
    loop = get_running_loop()
    now = loop.time()
    for ms in (30, 10, 20):
        loop.call_at(now + ms * MS, note, f"{ms} ms")
    await sleep(60 * MS)
    note("the main coroutine wakes up")


@timed
async def two_timers_of_one_time_come_in_the_order_of_their_making():
    # Of two: asyncio's heap does not keep the order of more.
    loop = get_running_loop()
    when = loop.time() + 10 * MS
    for name in "ab":
        loop.call_at(when, note, name)
    await sleep(40 * MS)


@timed
async def at_the_same_time_a_callback_goes_before_a_task():
    loop = get_running_loop()
    when = loop.time() + 10 * MS
    future = create_future()
    a = create_task(waits("a", future))
    loop.call_at(when, future.set_result, 1)
    loop.call_at(when, note, "callback")
    await a


@timed
async def a_sleeper_and_a_timer_are_due_in_one_turn():
    loop = get_running_loop()
    a = create_task(sleeps("a", 10 * MS))
    await turns(1)
    loop.call_later(20 * MS, note, "callback")
    time.sleep(50 * MS)
    note("both are late")
    await a


@timed
async def two_sleepers_are_due_in_one_turn():
    create_task(sleeps("a", 100 * MS))
    create_task(sleeps("b", 10 * MS))
    await turns(1)
    time.sleep(130 * MS)
    note("both are late")
    await turns(4)


@timed
async def sleepers_of_one_time_wake_in_order():
    tasks = [create_task(sleeps(name, 20 * MS)) for name in "abc"]
    for task in tasks:
        await task


@timed
async def sleepers_wake_in_the_order_of_their_times():
    times = {"a": 300, "b": 150, "c": 20}
    tasks = [create_task(sleeps(n, ms * MS)) for n, ms in times.items()]
    for task in tasks:
        await task


@counted
async def a_timer_without_delay_comes_after_what_is_ready():
    loop = get_running_loop()
    loop.call_later(0, note, "timer")
    call_soon(note, "callback")
    create_task(pauses("a", 1))
    await turns(3)


@timed
async def a_cancelled_timer_is_not_called():
    loop = get_running_loop()
    never = loop.call_later(10 * MS, note, "never")
    loop.call_later(20 * MS, note, "the other")
    never.cancel()
    never.cancel()
    await sleep(40 * MS)


@timed
async def a_timer_cancels_another_one_that_is_due():
    loop = get_running_loop()
    now = loop.time()
    handles = []

    def cancels():
        note("cancels the next")
        handles[0].cancel()

    loop.call_at(now + 10 * MS, cancels)
    handles.append(loop.call_at(now + 20 * MS, note, "never"))
    loop.call_at(now + 30 * MS, note, "the last")
    time.sleep(50 * MS)
    await turns(2)


# Combinators: promised are the steps of the children.


@timed
async def gather_keeps_the_order():
    children = pauses("a", 2), pauses("b", 0), pauses("c", 1)
    note(f"got {', '.join(await gather(*children))}")


@timed
async def gather_of_tasks():
    tasks = [create_task(pauses(*item)) for item in (("a", 2), ("b", 1))]
    note("made")
    note(f"got {', '.join(await gather(*tasks))}")


@timed
async def gather_of_sleepers():
    children = sleeps("a", 150 * MS), sleeps("b", 20 * MS)
    note(f"got {', '.join(await gather(*children))}")


@timed
async def gather_in_gather():
    one = gather(pauses("a", 1), pauses("b", 2))
    two = gather(pauses("c", 2), pauses("d", 1))
    for names in await gather(one, two):
        note(f"got {', '.join(names)}")


@timed
async def gather_with_a_child_that_fails():
    async def fails():
        await pauses("a", 1)
        raise Boom

    children = fails(), pauses("b", 2)
    for result in await gather(*children, return_exceptions=True):
        failed = isinstance(result, Boom)
        note(f"got {kind(result) if failed else result}")


@timed
async def gather_is_cancelled():
    async def parent():
        children = [cleans_up(name, sleep(LONG)) for name in "ab"]
        await cleans_up("parent", gather(*children))

    task = create_task(parent())
    await turns(3)
    note(f"cancel: {truth(task.cancel())}")
    note(f"got {await outcome(task)}")


@timed
async def wait_for_what_ends_in_time():
    note(f"got {await outcome(wait_for(pauses('a', 2), LONG))}")
    future = create_future()
    call_soon(future.set_result, 1)
    note(f"got {await outcome(wait_for(future, LONG))}")


@timed
async def wait_for_what_is_late():
    late = cleans_up("a", sleep(LONG))
    note(f"got {await outcome(wait_for(late, 10 * MS))}")


@timed
async def wait_for_a_task_that_is_late():
    task = create_task(cleans_up("a", sleep(LONG)))
    task.add_done_callback(asks("callback"))
    note(f"got {await outcome(wait_for(task, 10 * MS))}")
    note(f"cancelled: {truth(task.cancelled())}")


@timed
async def wait_for_no_time():
    done, pending = [create_future() for _ in range(2)]
    done.set_result(1)
    note(f"got {await outcome(wait_for(done, 0))}")
    note(f"got {await outcome(wait_for(pending, 0))}")


@timed
async def wait_for_is_cancelled():
    async def outer():
        inner = cleans_up("inner", sleep(LONG))
        await cleans_up("outer", wait_for(inner, LONG))

    task = create_task(outer())
    await turns(3)
    note(f"cancel: {truth(task.cancel())}")
    note(f"got {await outcome(task)}")


# Running loops.


@plain
def a_task_made_last_still_takes_its_first_step():
    tasks = []

    async def main():
        tasks.append(create_task(cleans_up("a", sleep(LONG))))
        note("main returns")

    asyncio.run(main())
    note(f"cancelled: {truth(tasks[0].cancelled())}")


@plain
def tasks_that_are_left_are_cancelled_in_order():
    async def main():
        for name, count in ("a", 1), ("b", LONG), ("c", LONG):
            create_task(cleans_up(name, turns(count)))
        await turns(3)
        create_task(cleans_up("d", sleep(LONG)))
        note("main returns")

    asyncio.run(main())


@plain
def what_is_scheduled_in_the_last_step_is_still_called():
    loop = asyncio.new_event_loop()

    def last():
        note("called")
        loop.call_soon(note, "too late")

    async def main():
        loop.call_soon(last)
        note("main returns")

    loop.run_until_complete(main())
    loop.close()


@plain
def stop_finishes_the_turn():
    loop = asyncio.new_event_loop()

    def stops():
        note("stops")
        loop.stop()
        loop.call_soon(note, "for the next turn")

    loop.call_soon(stops)
    loop.call_soon(note, "behind it")
    loop.run_forever()
    note("stopped")
    loop.call_soon(loop.stop)
    loop.run_forever()
    note("stopped again")
    loop.close()


@plain
def a_loop_that_is_stopped_before_it_runs_takes_one_turn():
    loop = asyncio.new_event_loop()
    a = loop.create_task(pauses("a", 1))
    loop.stop()
    loop.run_forever()
    note("stopped")
    loop.run_until_complete(a)
    loop.close()


@plain
def a_loop_runs_twice():
    loop = asyncio.new_event_loop()
    a = loop.create_task(pauses("a", 4))
    for n in range(2):
        name = loop.run_until_complete(pauses(f"main {n}", 1))
        note(f"{name} has returned")
    note(f"done: {truth(a.done())}")
    note(f"got {loop.run_until_complete(a)}")
    loop.close()


@plain
def what_a_thread_sends_comes_in_order():
    loop = asyncio.new_event_loop()

    def send():
        for n in range(3):
            loop.call_soon_threadsafe(note, f"callback {n}")
        loop.call_soon_threadsafe(loop.stop)

    thread = Thread(target=send)
    loop.call_soon(thread.start)
    loop.run_forever()
    note("stopped")
    thread.join()
    loop.close()


def in_order(loop=None, all_tasks=asyncio.all_tasks):
    """`all_tasks`, but in the order of their making: it is a set."""
    return sorted(all_tasks(loop), key=lambda task: int(task.get_name()[5:]))


asyncio.tasks.all_tasks = in_order  # `run` cancels these
for name, scenario in SCENARIOS:
    turn = None
    print("#", name)
    scenario()
