"""`sleep(0)` gives up one turn; `sleep(d)` is a future and a timer."""

import asyncio


# ANCHOR: sleeper
async def sleeper(name, seconds):
    print(f"{name}: begins")
    for n in (1, 2):
        await asyncio.sleep(seconds)
        print(f"{name}: {n}")
# ANCHOR_END: sleeper


# ANCHOR: main
async def sleep_turns():
    print("sleep(0), a turn each, and no timer:")
    await asyncio.gather(sleeper("a", 0), sleeper("b", 0))

    print("sleep(d):")
    await asyncio.gather(sleeper("long", 0.3), sleeper("short", 0.02))

    print("cancelled:")
    task = asyncio.create_task(sleeper("an hour", 3600))
    await asyncio.sleep(0)  # its first step: it begins to sleep
    print(f"cancel: {task.cancel()}".lower())
    try:
        await task
    except asyncio.CancelledError:
        print("it ends: Err(Cancelled)")
# ANCHOR_END: main


class Loop(asyncio.SelectorEventLoop):
    """Prints when a timer is set and when it is cancelled."""

    def call_at(self, when, callback, *args, **kwargs):
        print("    timer set")
        return super().call_at(when, callback, *args, **kwargs)

    def _timer_handle_cancelled(self, handle):
        if handle._scheduled:  # `sleep` cancels also one that has fired
            print("    timer cancelled")
        super()._timer_handle_cancelled(handle)


loop = Loop()
loop.run_until_complete(sleep_turns())
loop.close()
