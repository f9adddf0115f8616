"""What CPython does with generators, for comparison.

Prints `# NAME / CAST / SCRIPT` for each scenario and then what happens in it,
a line each. tests/tests/stage3_python_generators.rs plays them again.
"""

import builtins
import itertools
import sys

# What is raised by a generator that is dropped is lost.
sys.unraisablehook = lambda _: None


def worker(log, name, how, *inners):
    """Runs `inners` one after the other. Without any, it waits for "stop".

    `how` says what it does about an exception.
    """
    log(f"{name} begins")
    inners = list(inners)
    try:
        while True:
            try:
                if inners:
                    got = yield from inners[0]
                else:
                    got = yield f"{name} waits"
            except BaseException as e:
                log(f"{name} caught {type(e).__name__}")
                if how == "retries":
                    how = "passes"
                    continue
                del inners[:1]
                if how == "passes":
                    raise
                if how == "raises":
                    raise KeyError
                if how == "stops":
                    raise StopIteration
                if how == "returns":
                    return f"{name} at once"
                assert how == "ignores"
            else:
                log(f"{name} got {got}")
                is_last = len(inners) == 1
                del inners[:1]
                if is_last or got == "stop":
                    return f"{name} after {got}"
    finally:
        log(f"{name} cleans up")


def resume(generator, step):
    """Takes a step and returns what came of it."""
    verb, *what = step.split()
    try:
        if verb == "next":
            return f"yields {next(generator)}"
        if verb == "send":
            return f"yields {generator.send(what[0])}"
        if verb == "throw":
            exception = getattr(builtins, what[0])()
            return f"yields {generator.throw(exception)}"
        assert verb == "close"
        generator.close()
        return "closed"
    except StopIteration as e:
        return f"raises StopIteration, {e.value}"
    except BaseException as e:
        return f"raises {type(e).__name__}"


def cast(log, kind, *hows):
    """The generator of a scenario: "chain", "turns" or "items".

    The first of `hows` is that of the outermost one.
    """
    outermost, *others = zip("abc", hows)
    inners = []
    if kind == "items":
        inners = [iter(["item 1", "item 2"])]
    for other in reversed(others):
        if kind == "turns":
            inners = [worker(log, *other), *inners]
        else:
            inners = [worker(log, *other, *inners)]
    return worker(log, *outermost, *inners)


def play(name, who, script):
    """Makes a generator, takes these steps, and drops it."""
    print(f"# {name} / {who} / {script}")
    generator = cast(print, *who.split())
    for step in script.split(", "):
        print(f"{step}:")
        print(resume(generator, step))
    print("drop:")
    del generator


# The rows. Of each the name; whom to cast; what to do with the outermost.
PEP_342 = """
it begins, goes on and returns
    chain passes: next, send hello, next, send stop
at its end
    chain passes: next, send stop, next, send late, close, close
thrown into at its end
    chain passes: next, close, throw ValueError, throw GeneratorExit, next
StopIteration at its end
    chain passes: close, throw StopIteration, next
sent to before it begins
    chain passes: send early, send early, next, send stop
thrown into before it begins
    chain ignores: throw ValueError, next, send late
StopIteration before it begins
    chain ignores: throw StopIteration, next
closed before it begins
    chain ignores: close, next, send late, close
dropped before it begins
    chain passes: send early
dropped while it waits
    chain passes: next
dropped, and would rather go on
    chain ignores: next
dropped, and raises
    chain raises: next
thrown into and not caught
    chain passes: next, throw ValueError, next, throw ValueError
thrown into and goes on
    chain ignores: next, throw ValueError, send hello, throw GeneratorExit
thrown into and returns
    chain returns: next, throw ValueError, next
thrown into and raises another
    chain raises: next, throw ValueError, next
thrown into and raises StopIteration
    chain stops: next, throw ValueError, next
StopIteration thrown and not caught
    chain passes: next, throw StopIteration, next
closed
    chain passes: next, close, close, next
closed and returns
    chain returns: next, close, close, next
closed and raises another
    chain raises: next, close, close, next
closed and raises StopIteration
    chain stops: next, close, close, next
closed and goes on
    chain ignores: next, close, send hello, close, send stop, close
"""

PEP_380 = """
values go straight through
    chain passes passes passes: next, send hello, next
a value returns through three levels
    chain passes passes passes: next, send stop, next
sent to a chain before it begins
    chain passes passes passes: send early, next
an exception surfaces at each level
    chain passes passes passes: next, throw ValueError, next
an exception is caught in the innermost
    chain passes passes ignores: next, throw ValueError, send stop
an exception is caught in the middle
    chain passes ignores passes: next, throw ValueError, send hello, send stop
an exception is replaced in the middle
    chain returns raises passes: next, throw ValueError, next
the innermost returns when thrown into
    chain passes passes returns: next, throw ValueError, next
StopIteration thrown through
    chain ignores passes passes: next, throw StopIteration, send stop
StopIteration raised in the innermost
    chain ignores passes stops: next, throw ValueError, send stop
closed from the inside out
    chain passes passes passes: next, close, next
GeneratorExit from the inside out
    chain passes passes passes: next, throw GeneratorExit, next
dropped from the inside out
    chain passes passes passes: next
the innermost ignores a close
    chain passes passes ignores: next, close, next
the innermost ignores GeneratorExit
    chain passes ignores ignores: next, throw GeneratorExit, send stop
asked again after it ignored a close
    chain retries ignores: next, close, send hello, throw GeneratorExit
the innermost raises at a close
    chain passes passes raises: next, close, next
the innermost returns at a close
    chain passes passes returns: next, close, next
the innermost returns at GeneratorExit
    chain passes passes returns: next, throw GeneratorExit, next
the middle ignores a close
    chain passes ignores passes: next, close, next
the outermost ignores a close
    chain ignores passes passes: next, close, send hello, close, send stop
one after the other
    turns passes passes: next, send stop, send hello, send stop, next
the first one fails, the second begins
    turns ignores passes: next, throw ValueError, send stop
closed in the second one
    turns passes passes: next, send stop, close
an iterator
    items passes: next, next, next, next
an iterator that is sent something
    items passes: next, send hello, next
an iterator's AttributeError is caught
    items ignores: next, send hello, send stop
an iterator that is thrown at
    items passes: next, throw ValueError, next
an iterator, and StopIteration thrown
    items passes: next, throw StopIteration, next
an iterator that is closed
    items passes: next, close, next
an iterator goes on after a throw
    items retries: next, throw ValueError, next
an iterator goes on after a send
    items retries: next, send hello, next
"""

for scenarios in [PEP_342, PEP_380]:
    lines = iter(scenarios.strip().splitlines())
    for name, line in zip(lines, lines):
        play(name, *line.strip().split(": "))

# And not only the rows: whatever is done, in all its combinations.
HOWS = ["passes", "ignores", "returns", "raises", "stops"]
STEPS = [
    "next",
    "send hello",
    "send stop",
    "throw ValueError",
    "throw GeneratorExit",
    "throw StopIteration",
    "close",
]
for steps in itertools.product(STEPS, repeat=3):
    script = ", ".join(steps)
    for one in HOWS:
        play("any", f"chain {one}", script)
        for other in HOWS:
            play("any", f"chain {one} {other}", f"next, {script}")
