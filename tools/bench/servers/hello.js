// SPDX-License-Identifier: MIT
//
// node's own http server: the fixed answer, connections kept for an hour. With --expose-gc it collects
// garbage twice a second, so that what is measured as memory is what it needs.
//
//     node [--expose-gc] hello.js PORT
'use strict';
const http = require('http');

const server = http.createServer((request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 13 });
    response.end('Hello, World!');
});
server.keepAliveTimeout = 3600 * 1000;
server.listen(Number(process.argv[2]), '127.0.0.1', 4096);
if (global.gc)
    setInterval(() => global.gc(), 500);
