// Serves a directory over HTTP, each file in chunks of random sizes.
//
//     node chunked.js DIRECTORY
//
// Prints its address. tests/tests/real_servers starts it.

"use strict";
const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");

const root = path.resolve(process.argv[2]);

// The same numbers in every run: a failure can be repeated.
let state = 1;
function random(below) {
  state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
  return state % below;
}

async function send(response, bytes) {
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + random(random(8) === 0 ? 8 : 2000);
    response.write(bytes.subarray(at, at + size));
    at += size;
    // Now and then the client sees the end of what has been sent.
    if (random(8) === 0) await new Promise(setImmediate);
  }
  response.addTrailers({ "X-Length": String(bytes.length) });
  response.end();
}

const server = http.createServer((request, response) => {
  const url = new URL(request.url, "http://localhost");
  let file = path.join(root, path.normalize(decodeURIComponent(url.pathname)));
  let status = 200;
  try {
    if (fs.statSync(file).isDirectory()) {
      if (!url.pathname.endsWith("/")) {
        response.writeHead(301, { Location: url.pathname + "/" });
        return response.end("moved");
      }
      file = path.join(file, "index.html");
    }
    var body = fs.readFileSync(file);
  } catch {
    status = 404;
    file = "missing.html";
    body = Buffer.from("<title>404</title><a href=/never-followed>no</a>");
  }
  const html = path.extname(file) === ".html";
  response.writeHead(status, {
    "Content-Type": html ? "text/html; charset=utf-8" : "application/octet-stream",
    "Transfer-Encoding": "chunked",
    Trailer: "X-Length",
  });
  send(response, body);
});

server.listen(0, "127.0.0.1", () => {
  const { address, port } = server.address();
  console.log(`listening on ${address}:${port}`);
});
