"""The four uses of `yield`. All four are the same pause."""

from contextlib import contextmanager


# ANCHOR: iteration
def squares():
    for n in range(1, 4):
        yield n * n
    return n


print("1. iteration")
for square in squares():
    print(square)
# ANCHOR_END: iteration


# ANCHOR: context
@contextmanager
def tag(name):
    print(f"<{name}>")
    try:
        yield
    finally:
        print(f"</{name}>")


print("2. a context manager")
with tag("p"):
    print("text")
try:
    with tag("b"):
        int("text")
except ValueError:
    print("no number")
# ANCHOR_END: context


# ANCHOR: coroutine
def upper():
    answer = "ready"
    while True:
        word = yield answer
        answer = word.upper()


print("3. a coroutine")
u = upper()
print(next(u), u.send("hello"))
# ANCHOR_END: coroutine


# ANCHOR: yield_from
def report():
    count = yield from squares()
    return f"{count} squares"


print("4. yield from")
r = report()
while True:
    try:
        print(next(r))
    except StopIteration as e:
        print(e.value)
        break
# ANCHOR_END: yield_from
