// Many clients of the echo server at once, on Node's streams.
//
//     node echo_client.js HOST PORT CONNECTIONS BYTES
//
// Each sends BYTES of all values in portions of many sizes. It fails unless
// each gets back exactly its bytes in upper case.

"use strict";
const net = require("node:net");

const host = process.argv[2];
const [port, connections, length] = process.argv.slice(3).map(Number);

function client(number) {
  const data = Buffer.alloc(length);
  const expected = Buffer.alloc(length);
  for (let i = 0; i < length; i++) {
    data[i] = (i * 31 + number * 7 + (i >> 8)) & 0xff;
    const lower = data[i] >= 0x61 && data[i] <= 0x7a;
    expected[i] = lower ? data[i] - 0x20 : data[i];
  }
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port, noDelay: true });
    const answer = [];
    socket.setTimeout(10_000, () => socket.destroy(new Error("too slow")));
    socket.on("error", reject);
    socket.on("data", (bytes) => answer.push(bytes));
    socket.on("end", () => {
      const same = Buffer.concat(answer).equals(expected);
      same ? resolve() : reject(new Error(`connection ${number}: wrong answer`));
    });
    for (let at = 0, n = number; at < length; n++) {
      const size = [1, 64, 1500, 40_000][n % 4];
      socket.write(data.subarray(at, at + size));
      at += size;
    }
    socket.end();
  });
}

Promise.all(Array.from({ length: connections }, (_, n) => client(n))).then(
  () => console.log(`${connections} connections, ${connections * length} bytes`),
  (error) => {
    console.error(error.message);
    process.exit(1);
  },
);
