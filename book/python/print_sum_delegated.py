"""The documents' `compute` and `print_sum`, with a shorter sleep."""

import asyncio


# ANCHOR: documents
async def compute(x, y):
    print("Compute %s + %s ..." % (x, y))
    await asyncio.sleep(0.1)
    return x + y


async def print_sum(x, y):
    result = await compute(x, y)
    print("%s + %s = %s" % (x, y, result))
# ANCHOR_END: documents


loop = asyncio.new_event_loop()
loop.run_until_complete(print_sum(1, 2))
loop.close()
