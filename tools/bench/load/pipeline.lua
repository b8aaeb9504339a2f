-- SPDX-License-Identifier: MIT
--
-- 16 requests at a time on each connection: the next 16 are sent when all are answered. Otherwise as
-- report.lua, without latencies: what wrk adds to them (see there) is nonsense for batches.

local batch

function init(args)
    batch = string.rep(wrk.format("GET", "/"), 16)
end

function request()
    return batch
end

dofile(debug.getinfo(1, "S").source:match("^@(.*/)") .. "report.lua")

function percentile(latency, share)
    return "null"
end
