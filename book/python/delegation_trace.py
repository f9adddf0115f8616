"""What goes through `yield from`, both ways."""

from asyncio import CancelledError


# ANCHOR: traced
class Traced:
    """Says how a generator is resumed, and what comes of it."""

    def __init__(self, depth, name, generator):
        self.depth, self.name, self.generator = depth, name, generator

    def __iter__(self):
        return self

    def __next__(self):
        return self.resume("next", self.generator.__next__)

    def send(self, value):
        return self.resume(f"send {value}", self.generator.send, value)

    def throw(self, e):
        how = f"throw {type(e).__name__}"
        return self.resume(how, self.generator.throw, e)

    def close(self):
        self.say("->", "close")
        self.generator.close()
        self.say("<-", "is closed")

    def resume(self, how, method, *args):
        self.say("->", how)
        try:
            value = method(*args)
        except StopIteration as e:
            self.say("<-", f"returns {e.value}")
            raise
        except BaseException as e:
            self.say("<-", f"raises {type(e).__name__}")
            raise
        self.say("<-", f"yields {value}")
        return value

    def say(self, arrow, what):
        print(f"{'    ' * self.depth}{arrow} {self.name}: {what}")
# ANCHOR_END: traced


# ANCHOR: sub
def sub():
    count = 0
    answer = "ready"
    while True:
        try:
            word = yield answer
        except TimeoutError:
            answer = "no hurry"
            continue
        if word is None:
            return count
        count += 1
        answer = word.upper()
# ANCHOR_END: sub


# ANCHOR: delegating
def delegating():
    count = yield from Traced(1, "sub", sub())
    return f"{count} words"
# ANCHOR_END: delegating


# ANCHOR: main
def begin():
    g = Traced(0, "delegating", delegating())
    next(g)
    return g


print("1. values")
g = begin()
g.send("hello")
g.send("world")
try:
    next(g)
except StopIteration:
    pass

print("2. an exception that the sub-generator catches")
g = begin()
g.throw(TimeoutError())

print("3. an exception that nobody catches")
try:
    g.throw(CancelledError())
except CancelledError:
    pass

print("4. the end before the end")
g = begin()
g.close()
# ANCHOR_END: main
