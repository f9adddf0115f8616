"""The smallest generator: it yields 3, 2, 1 and returns "lift-off"."""


# ANCHOR: countdown
def countdown(n):
    print("ignition")
    while n > 0:
        yield n
        n -= 1
    return "lift-off"
# ANCHOR_END: countdown


# ANCHOR: loop
c = countdown(3)
print("created: nothing has run yet")
while True:
    try:
        print(next(c))
    except StopIteration as e:
        print(e.value)
        break
# ANCHOR_END: loop

# ANCHOR: iterator
print("and as an iterator, which is sent nothing and returns nothing:")
for n in countdown(3):
    print(n)
# ANCHOR_END: iterator
