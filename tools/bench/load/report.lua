-- SPDX-License-Identifier: MIT
--
-- wrk's report as one line of JSON. As wrk runs no Lua for each request here, it costs nothing.

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        '{"requests": %d, "seconds": %.6f, "p50_us": %d, "p99_us": %d, "p999_us": %d, "errors": %d}\n',
        summary.requests, summary.duration / 1000000, latency:percentile(50), latency:percentile(99),
        latency:percentile(99.9),
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
