-- SPDX-License-Identifier: MIT
--
-- wrk's report as one line of JSON. As wrk runs no Lua for each request here, it costs nothing.
--
-- wrk 4.1 adds what it takes for missing to its latencies: for each answer that took longer than twice
-- the average it counts those that could have been asked for in the meantime. Its high percentiles
-- are therefore higher than what was seen, for all servers alike.

function percentile(latency, share)
    return string.format("%d", latency:percentile(share))
end

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        '{"requests": %d, "seconds": %.6f, "p50_us": %s, "p99_us": %s, "p999_us": %s, "errors": %d}\n',
        summary.requests, summary.duration / 1000000, percentile(latency, 50),
        percentile(latency, 99), percentile(latency, 99.9),
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
