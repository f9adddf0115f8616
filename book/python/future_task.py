"""The documents' Future and Task, on a loop that knows only timers."""

import heapq
import time


# ANCHOR: future
class Future:
    def __init__(self):
        self.result = None
        self._callbacks = []

    def add_done_callback(self, fn):
        self._callbacks.append(fn)

    def set_result(self, result):
        self.result = result
        for fn in self._callbacks:
            fn(self)
# ANCHOR_END: future


# ANCHOR: task
class Task:
    def __init__(self, coro):
        self.coro = coro
        f = Future()
        self.step(f)

    def step(self, future):
        try:
            next_future = self.coro.send(future.result)
        except StopIteration:
            return
        next_future.add_done_callback(self.step)
# ANCHOR_END: task


# ANCHOR: loop
timers = []
timers_set = 0


def call_later(seconds, callback):
    global timers_set
    timers_set += 1  # where two are due at once, the first set is the first
    at = time.monotonic() + seconds
    heapq.heappush(timers, (at, timers_set, callback))


def run():
    while timers:
        at, _, callback = heapq.heappop(timers)
        time.sleep(max(0, at - time.monotonic()))
        callback()
# ANCHOR_END: loop


# ANCHOR: sleeper
def sleeper(name):
    for nap in 1, 2, 3:
        print(f"      generator: {name} takes nap {nap}")
        f = Future()
        f.add_done_callback(lambda f: print("    future: calls the task"))

        def over():
            print("loop: calls the callback")
            print(f"  callback: sets the result {nap}")
            f.set_result(nap)

        call_later(0.02, over)
        sent = yield f
        print(f"      generator: {name} is sent {sent} and wakes up")
    print(f"      generator: {name} stays awake")
# ANCHOR_END: sleeper


# ANCHOR: main
for name in "tick", "tock":
    print("main: starts a task")
    Task(sleeper(name))
print("main: runs the loop until nothing is left to do")
run()
# ANCHOR_END: main
