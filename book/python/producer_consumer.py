"""The documents' producer and consumer, which take turns on one thread."""


# ANCHOR: consumer
def consumer():
    r = 'init'
    while True:
        n = yield r
        if not n:
            return
        print('[CONSUMER] Consuming %s...' % n)
        r = '200 OK'
# ANCHOR_END: consumer


# ANCHOR: produce
def produce(c):
    print(c.send(None))  # the same as next(c): runs to the first `yield r`
    n = 0
    while n < 5:
        n = n + 1
        print('[PRODUCER] Producing %s...' % n)
        r = c.send(n)
        print('[PRODUCER] Consumer return: %s' % r)
    c.close()
# ANCHOR_END: produce


# ANCHOR: main
c = consumer()
produce(c)
# ANCHOR_END: main
