"""The documents' `yield_to_from.py`, with an end for its endless loop."""

from itertools import islice

n = m = 5
flag = "stop"


# ANCHOR: gen
def gen():  # 子生成器
    print("start 子生成器")
    # for k in range(n):    # 有限子生成器
    k = "k"
    while True:  # 无限子生成器
        print("子生成器--要返回的值:", k)
        t = yield k
        print("子生成器--接受到的值:", t)
        if t is flag:
            break
    print("end 子生成器")
    return "这就是result"
# ANCHOR_END: gen


# ANCHOR: proxy_gen
def proxy_gen():  # 委托生成器
    result = yield from gen()
    print("委托生成器result:", result)
    yield result
# ANCHOR_END: proxy_gen


# ANCHOR: main1
def main1():  # 调用方1--不通过proxy_gen迭代子生成器
    g = gen()
    print(g.send(None))
    print(g.send(1))
    print(next(g))
    try:
        print(g.send(flag))
    except StopIteration as e:
        print("StopIteration")
        print("子生成器return的值:", e.value)
# ANCHOR_END: main1


# ANCHOR: main2
def main2():  # 调用方2--常用迭代
    g = proxy_gen()
    g.send(None)
    for k in range(m):
        print("调用方--要发送的值:", k)
        print("调用方--接受到的值:", g.send(k))
        print("--------------------")
    g.send(flag)
# ANCHOR_END: main2


# ANCHOR: main3
def main3():  # 调用方3--死循环
    g = proxy_gen()
    g.send(None)
    for k in islice(g, 2):  # the documents' `for k in g` never ends
        print("调用方--接受到的值:", k)
        print("调用方--要发送的值:", g.send("m"))
        print("调用方--接受到的值:", k)
        print("--------------------")
# ANCHOR_END: main3


print("*********************")
main1()
print("*********************")
main2()
print("*********************")
main3()
print("*********************")
