"""A generator that goes on with what it is sent; `None` ends it."""


# ANCHOR: average
def running_average():
    count, total, average = 0, 0.0, None
    while True:
        number = yield average
        if number is None:
            return count, average
        count += 1
        total += number
        average = total / count
# ANCHOR_END: average


# ANCHOR: main
average = running_average()
next(average)  # to the first `yield`, which waits for a number
for number in (10.0, 20.0, 60.0):
    so_far = average.send(number)
    print(f"sent {number:.1f}: the average is {so_far:.1f}")
try:
    average.send(None)
except StopIteration as e:
    count, average = e.value
    print(f"sent nothing: {count} numbers, the average was {average:.1f}")
# ANCHOR_END: main
