"""The documents' coroutines, driven by hand: no asyncio, no event loop."""


# ANCHOR: run
def run(coroutine):
    """The documents' `run`, for coroutines that pause, too."""
    while True:
        try:
            n = coroutine.send(None)
        except StopIteration as e:
            return e.value
        print(f"paused, and {n} to go")
# ANCHOR_END: run


# ANCHOR: documents
async def async_function():
    return 1


async def await_coroutine():
    result = await async_function()
    print("await_coroutine:", result)
    return result
# ANCHOR_END: documents


# ANCHOR: generators
def pauses(n):
    """`async_function` as a generator, with `n` pauses."""
    while n > 0:
        yield n
        n -= 1
    return 1


def await_by_hand(other):
    """`await_coroutine` as a generator, without `yield from`."""
    while True:
        try:
            n = other.send(None)
        except StopIteration as e:
            result = e.value
            break
        yield n
    print("await_coroutine:", result)
    return result
# ANCHOR_END: generators


# ANCHOR: main
try:
    async_function().send(None)
except StopIteration as e:
    print("resumed once:", e.value)

a = run(await_coroutine())
b = run(async_function())
print(a, b)

c = run(await_by_hand(pauses(2)))
d = run(pauses(2))
print(c, d)
# ANCHOR_END: main
