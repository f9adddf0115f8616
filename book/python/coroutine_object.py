"""Calling an `async def` only makes a coroutine object."""

import asyncio


# ANCHOR: test_co
async def test_co(name):
    print(f"  {name}: runs")
    await asyncio.sleep(0.01)
    return f"the result of {name}"
# ANCHOR_END: test_co


# ANCHOR: main
async def main_co():
    awaited = test_co("awaited")
    print("main: has called it: there is an object, nothing has run")
    result = await awaited
    print(f"main: {result}")

    task = asyncio.create_task(test_co("task"))
    print("main: has made a task of it: nothing has run")
    result = await task
    print(f"main: {result}")

    dropped = test_co("dropped")
    dropped.close()  # else: RuntimeWarning, never awaited
    print("main: has thrown one away: nothing has ever run")


main = main_co()
print("also the first one is only an object, until a loop runs it")
asyncio.run(main)
# ANCHOR_END: main
