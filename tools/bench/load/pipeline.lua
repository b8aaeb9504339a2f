-- SPDX-License-Identifier: MIT
--
-- 16 requests at a time on each connection: the next 16 are sent when all are answered. wrk takes the
-- latency from a batch's sending to each answer. The report is report.lua's.

local batch

function init(args)
    local one = wrk.format("GET", "/")
    batch = string.rep(one, 16)
end

function request()
    return batch
end

local folder = debug.getinfo(1, "S").source:match("^@(.*/)")
dofile(folder .. "report.lua")
