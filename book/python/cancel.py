"""Cancelling: one task catches it, one lets it pass, one has not begun."""

import asyncio

LONG = 3600
SHORT = 0.01


# ANCHOR: careful
async def careful():
    print("  careful: works")
    try:
        await asyncio.sleep(LONG)
        return "worked"
    except asyncio.CancelledError:
        print("  careful: catches it, cleans up")
        await asyncio.sleep(SHORT)
        print("  careful: has cleaned up")
        return "cleaned up"
# ANCHOR_END: careful


# ANCHOR: plain
async def plain(name):
    print(f"  {name}: works")
    await asyncio.sleep(LONG)
    return "worked"
# ANCHOR_END: plain


# ANCHOR: main
def start(name, coroutine):
    def done(task):
        try:
            print(f'{name}: has returned "{task.result()}"')
        except BaseException as e:
            print(f"{name}: has raised {type(e).__name__}")

    task = asyncio.create_task(coroutine, name=name)
    task.add_done_callback(done)
    return task


async def main():
    print("main: starts two tasks")
    tasks = [start("careful", careful()), start("plain", plain("plain"))]
    await asyncio.sleep(0)  # one turn: both take their first step
    print("main: starts a third one")
    tasks.append(start("late", plain("late")))
    for task in tasks:
        print(f"main: cancels {task.get_name()}")
        task.cancel()
    await asyncio.wait(tasks)


asyncio.run(main())
# ANCHOR_END: main
