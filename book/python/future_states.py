"""A future's three states, and callbacks that are scheduled, not called."""

import asyncio


def state(future):
    return future._state.lower()


def tried(what, function, *args):
    try:
        print(f"  {what}: {function(*args)}")
    except BaseException as e:
        print(f"  {what}: {type(e).__name__.removesuffix('Error')}")


# ANCHOR: finished
async def finished():
    future = asyncio.get_running_loop().create_future()
    print(state(future))
    tried("result", future.result)
    future.add_done_callback(
        lambda future: print(f"  callback: {future.result()}")
    )

    future.set_result(1)
    print(f"{state(future)}, but no callback was called")
    tried("result", future.result)
    tried("set_result again", future.set_result, 2)
    print(f"  cancel: {future.cancel()}".lower())

    print("the next turn:")
    await asyncio.sleep(0)
    future.add_done_callback(lambda _: print("  late callback: called"))
    print("also a late callback is scheduled, not called")
    await asyncio.sleep(0)
# ANCHOR_END: finished


# ANCHOR: cancelled
async def cancelled():
    future = asyncio.get_running_loop().create_future()
    print(state(future))
    print(f"  cancel: {future.cancel()}".lower())
    print(state(future))
    tried("result", future.result)
    tried("set_result", future.set_result, 1)
    print(f"  cancel again: {future.cancel()}".lower())
# ANCHOR_END: cancelled


asyncio.run(finished())
asyncio.run(cancelled())
