"""The documents' `gen_234`: `yield from` chains generators."""


# ANCHOR: documents
def gen_234():
    yield 2
    yield 3
    yield 4


def main():
    yield 1
    yield from gen_234()
    yield 5


for element in main():
    print(element)  # 1,2,3,4,5
# ANCHOR_END: documents
