"""`_ready` and `_scheduled`, seen in the order of what the loop calls."""

import asyncio


# ANCHOR: callbacks
def soon():
    print("call_soon: the first in the queue")
    loop.call_soon(print, "call_soon: in the next turn")


def stops():
    loop.stop()
    loop.call_soon(print, "never: this is for a later turn")
    print("stop: the loop ends after this turn")
# ANCHOR_END: callbacks


# ANCHOR: main
async def steps():
    print("task: the first step is a handle like any other")
    await asyncio.sleep(0)
    print("task: the second step is in the next turn, too")


loop = asyncio.new_event_loop()

# Into `_scheduled`.
loop.call_later(0.6, stops)
loop.call_later(0.3, print, "call_later, 300 ms")
loop.call_later(0, print, "call_later, 0 ms")
never = loop.call_later(0.4, print, "never")
never.cancel()

# Into `_ready`.
loop.call_soon(soon)
task = loop.create_task(steps())
loop.call_soon(print, "call_soon: after the task")

print("nothing has been called yet")
loop.run_forever()
print("run_forever has returned")
loop.close()
# ANCHOR_END: main
