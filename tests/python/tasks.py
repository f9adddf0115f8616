"""Small plays with asyncio's tasks and futures, for stage 3 to repeat.

Prints for each of them `# name`, then what it notes, each with the number of
the loop's turn: what is noted before the first turn has the number 0.
"""

import asyncio
from asyncio import gather, sleep, wait_for

TURNS = 12
turn = 0
loop = None


class Boom(Exception):
    pass


def note(text):
    print(turn, text)


def kind(exception):
    return type(exception).__name__


def notes(name, coroutine):
    """The coroutine; notes that it begins, and what ends it."""

    async def noted():
        note(f"{name} begins")
        try:
            return await coroutine()
        except BaseException as exception:
            note(f"{name} raises {kind(exception)}")
            raise

    return noted()


def task(name, coroutine):
    return loop.create_task(notes(name, coroutine))


async def waits(name, future):
    note(f"{name} got {await future}")


async def catches(name, future):
    try:
        await waits(name, future)
    except BaseException as exception:
        note(f"{name} caught {kind(exception)}")


async def pauses(name):
    await sleep(0)
    note(f"{name} goes on")


def told(name):
    """A callback that notes how a future has ended."""

    def callback(future):
        try:
            note(f"{name} is told {future.result()}")
        except BaseException as exception:
            note(f"{name} is told {kind(exception)}")

    return callback


def tried(what, *args):
    try:
        note(f"no error: {what(*args)}")
    except BaseException as exception:
        note(kind(exception))


PLAYS = []


def play(function):
    PLAYS.append(function)
    return function


# A play sets the stage, and may return what happens between turns.


@play
def tasks_take_turns():
    def actor(name):
        async def act():
            await pauses(name)
            await pauses(name)

        return act

    tasks = [task(name, actor(name)) for name in "abc"]
    note("set")
    return [], tasks


@play
def a_task_made_by_a_task_begins_in_the_next_turn():
    made = []

    async def child():
        await pauses("child")

    async def parent():
        made.append(task("child", child))
        note("parent has made it")
        await pauses("parent")

    async def other():
        await pauses("other")

    return [], [task("parent", parent), task("other", other), made]


@play
def callbacks_are_scheduled_in_order():
    future = loop.create_future()

    def removed(future):
        note("never")

    future.add_done_callback(told("a"))
    future.add_done_callback(removed)
    future.add_done_callback(told("b"))

    def set_it():
        future.remove_done_callback(removed)
        future.set_result(1)
        note("set")
        future.add_done_callback(told("late"))
        note("added")

    loop.call_soon(set_it)
    loop.call_soon(note, "another callback")
    return [], future


@play
def who_waits_goes_on_in_order():
    future = loop.create_future()
    a = task("a", lambda: waits("a", future))
    future.add_done_callback(told("callback"))
    b = task("b", lambda: waits("b", future))
    return [lambda: None, lambda: future.set_result(1)], [a, b]


@play
def what_is_done_is_not_waited_for():
    future, failed = loop.create_future(), loop.create_future()
    future.set_result(1)
    failed.set_exception(Boom())

    async def act():
        await waits("a", future)
        await catches("a", failed)
        await pauses("a")
        await waits("a", future)

    return [], task("a", act)


@play
def two_tasks_wake_each_other():
    ping = [loop.create_future() for _ in range(3)]
    pong = [loop.create_future() for _ in range(3)]

    def player(name, own, other):
        async def act():
            for i in range(3):
                await waits(name, own[i])
                other[i].set_result(i)

        return act

    last = [*ping[1:], loop.create_future()]
    tasks = [
        task("ping", player("ping", ping, pong)),
        task("pong", player("pong", pong, last)),
    ]
    return [lambda: ping[0].set_result(9)], tasks


@play
def an_exception_goes_up_through_tasks():
    future = loop.create_future()
    inner = task("inner", lambda: waits("inner", future))
    middle = task("middle", lambda: waits("middle", inner))
    outer = task("outer", lambda: catches("outer", middle))
    other = task("other", lambda: catches("other", inner))
    for name, each in [("inner", inner), ("middle", middle), ("outer", outer)]:
        each.add_done_callback(told(f"who asks {name}"))
    return [lambda: None, lambda: future.set_exception(Boom())], [outer, other]


@play
def cancelled_before_its_first_step():
    a = task("a", lambda: pauses("a"))
    a.add_done_callback(told("callback"))
    note(f"cancel: {a.cancel()}, {a.cancel()}")
    note(f"done: {a.done()}")
    return [lambda: note(f"a is cancelled: {a.cancelled()}, {a.cancel()}")], a


@play
def cancelled_while_it_waits():
    future = loop.create_future()
    a = task("a", lambda: waits("a", future))
    b = task("b", lambda: catches("b", a))
    future.add_done_callback(told("callback of the future"))
    a.add_done_callback(told("callback of the task"))

    def cancel():
        note(f"cancel: {a.cancel()}")
        note(f"future: {future.cancelled()}, task: {a.done()}")

    return [lambda: None, cancel], [a, b]


@play
def cancelled_in_a_bare_yield():
    a = task("a", lambda: pauses("a"))
    return [lambda: None, a.cancel, lambda: note(f"{a.cancelled()}")], a


@play
def cancelled_after_the_result():
    future = loop.create_future()

    async def act():
        await catches("a", future)
        await pauses("a")

    a = task("a", act)

    def cancel():
        future.set_result(1)
        note(f"cancel: {a.cancel()}")

    return [lambda: None, cancel], a


@play
def cancelled_with_an_exception_on_its_way():
    future = loop.create_future()
    a = task("a", lambda: catches("a", future))

    def cancel():
        future.set_exception(Boom())
        note(f"cancel: {a.cancel()}")

    return [lambda: None, cancel], a


@play
def cancelled_and_goes_on():
    one, two = loop.create_future(), loop.create_future()

    async def act():
        await catches("a", one)
        await catches("a", two)
        await pauses("a")

    a = task("a", act)
    a.add_done_callback(told("callback"))
    return [lambda: None, a.cancel, lambda: two.set_result(2)], a


@play
def cancelled_twice_in_one_turn():
    one, two = loop.create_future(), loop.create_future()

    async def act():
        await catches("a", one)
        await waits("a", two)

    a = task("a", act)
    cancel_both = lambda: note(f"cancel: {a.cancel()}, {a.cancel()}")
    return [lambda: None, cancel_both, lambda: two.set_result(2)], a


@play
def cancelled_it_raises_another_exception():
    future = loop.create_future()

    async def act():
        await catches("a", future)
        raise Boom

    a = task("a", act)
    a.add_done_callback(told("callback"))
    return [lambda: None, a.cancel], a


@play
def cancellation_goes_down_and_comes_up():
    future = loop.create_future()
    inner = task("inner", lambda: waits("inner", future))
    middle = task("middle", lambda: waits("middle", inner))
    outer = task("outer", lambda: waits("outer", middle))
    outer.add_done_callback(told("callback"))
    return [lambda: None, outer.cancel], [inner, middle, outer]


@play
def cancellation_that_is_caught_below():
    one, two = loop.create_future(), loop.create_future()

    async def stubborn():
        await catches("inner", one)
        await waits("inner", two)

    inner = task("inner", stubborn)
    outer = task("outer", lambda: waits("outer", inner))
    outer.add_done_callback(told("callback"))

    def cancel():
        note(f"cancel: {outer.cancel()}")
        note(f"futures: {one.cancelled()}, {two.cancelled()}")

    return [lambda: None, cancel, cancel], [inner, outer]


@play
def cancelled_by_itself():
    tasks = {}
    future = loop.create_future()

    def actor(name, then):
        async def act():
            note(f"{name} cancels itself: {tasks[name].cancel()}")
            await then(name)

        return act

    async def returns(name):
        note(f"{name} returns")

    async def raises(name):
        raise Boom

    async def waits_then(name):
        await catches(name, future)
        await pauses(name)

    for then in (returns, raises, pauses, waits_then):
        name = then.__name__
        tasks[name] = task(name, actor(name, then))
        tasks[name].add_done_callback(told(f"who asks {name}"))
    return [], tasks


@play
def a_future_is_set_once():
    future, failed = loop.create_future(), loop.create_future()
    tried(future.result)
    tried(future.set_exception, StopIteration())
    future.set_result(1)
    tried(future.set_result, 2)
    tried(future.set_exception, Boom())
    note(f"cancel: {future.cancel()}, {future.cancelled()}")
    tried(future.result)
    failed.set_exception(Boom())
    tried(failed.result)
    gone = loop.create_future()
    note(f"cancel: {gone.cancel()}, {gone.cancel()}, {gone.cancelled()}")
    tried(gone.set_result, 1)
    tried(gone.result)
    a = task("a", lambda: pauses("a"))
    tried(a.set_result, 1)
    tried(a.set_exception, Boom())
    return [], a


@play
def what_a_task_cannot_wait_for():
    other_loop = asyncio.new_event_loop()
    future = other_loop.create_future()
    tasks = {}

    async def itself():
        await catches("itself", tasks["itself"])
        await pauses("itself")

    async def other():
        await catches("other", future)
        await pauses("other")

    tasks["itself"] = task("itself", itself)
    tasks["other"] = task("other", other)
    other_loop.close()
    return [], tasks


@play
def gather_keeps_the_order():
    def actor(name, turns):
        async def act():
            for _ in range(turns):
                await pauses(name)
            return turns

        return notes(name, act)

    async def act():
        await waits("all", gather(actor("a", 2), actor("b", 0), actor("c", 1)))

    return [], [task("all", act), task("other", lambda: pauses("other"))]


@play
def gather_raises_the_first_failure():
    async def raises():
        await pauses("a")
        raise Boom

    async def returns():
        return 2

    async def act():
        children = [notes("a", raises), notes("b", returns)]
        await catches("all", gather(*children))

    return [], task("all", act)


@play
def gather_of_nothing():
    async def act():
        await waits("all", gather())
        await pauses("all")

    return [], task("all", act)


@play
def wait_for_what_ends_in_time():
    async def returns():
        await pauses("a")
        return 1

    async def raises():
        await pauses("b")
        raise Boom

    async def act():
        await waits("main", wait_for(notes("a", returns), 1000))
        await catches("main", wait_for(notes("b", raises), 1000))

    return [], task("main", act)


def run(function):
    global loop, turn
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    turn = 0
    print("#", function.__name__)
    between, kept = function()
    for turn in range(1, TURNS + 1):
        if turn <= len(between):
            between[turn - 1]()
        # One turn: what is scheduled now, and no more.
        loop.call_soon(loop.stop)
        loop.run_forever()
    del between, kept
    loop.close()


for function in PLAYS:
    run(function)
