"""To await a coroutine is to enter it; only a pending future suspends."""

import asyncio


# ANCHOR: coroutines
async def outer(done, pending):
    print("outer: awaits inner")
    sum = await inner(done, pending)
    print(f"outer: inner has returned {sum}")


async def inner(done, pending):
    print("  inner: is entered at once")
    a = await done
    print(f"  inner: a future that is done does not suspend: {a}")
    b = await pending
    print(f"  inner: goes on: {b}")
    return a + b
# ANCHOR_END: coroutines


# ANCHOR: main
async def other(pending):
    print("other: inner is suspended, and outer with it")
    pending.set_result(2)
    print("other: has set the future; nobody goes on yet")


async def main():
    loop = asyncio.get_running_loop()
    done, pending = loop.create_future(), loop.create_future()
    done.set_result(1)
    task = asyncio.create_task(outer(done, pending))
    beside = asyncio.create_task(other(pending))
    await task
    await beside


asyncio.run(main())
# ANCHOR_END: main
