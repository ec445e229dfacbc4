"""
The reserving window of `bfxsync.shared_limits.window` as scripts of Redis.

Times are microseconds of the server's clock. A sorted set has the slots of a limit, with their
owners as members. KEYS are slots, end of the block, processes, correction of the clock; the same
for all scripts.

The server's clock may be set back. A script that sees a sign of life from the future adds the
difference to the correction, so that no time runs backwards and no request waits for longer.

A server that was restarted may have lost its data, or the last part of it. So a process tells each
script when the store has last seen it, and the script does nothing if the store does not know that.
"""

from __future__ import annotations

from bfxsync.shared_limits.state import SEEN_S
from bfxsync.shared_limits.window import LATE_S

_HEAD = """
local slots, blocked_key, processes, clock = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local time = redis.call('TIME')
local correction = tonumber(redis.call('GET', clock) or '0')
local now = time[1] * 1000000 + time[2] + correction
local newest = tonumber(redis.call('ZRANGE', processes, -1, -1, 'WITHSCORES')[2] or '0')
local set_back = math.max(newest - now, 0)
now = now + set_back
local blocked = math.max(tonumber(redis.call('GET', blocked_key) or '0'), 0)
local function text(value) return string.format('%.0f', value) end
local function score(rank)
    local found = redis.call('ZRANGE', slots, rank, rank, 'WITHSCORES')
    return found[2] and tonumber(found[2])
end
local function keep(window)
    local last = score(-1)
    if last then
        local rest = math.max(last - now, 0) + window
        redis.call('PEXPIRE', slots, text(math.ceil(rest / 1000) + 1))
    end
end
-- First, as a full server refuses a script unless its first write frees memory. What a budget needs
-- is little, and expires.
redis.call('ZREMRANGEBYSCORE', processes, '-inf', text(now - RECENT))
if correction + set_back ~= 0 then
    -- Longer than any block.
    redis.call('SET', clock, text(correction + set_back), 'PX', '172800000')
end
-- Returns false if the store has lost data since `known`; 0 if that is allowed.
local function seen(process, known)
    local last = tonumber(redis.call('ZSCORE', processes, process) or '0')
    if last < tonumber(known) then return false end
    redis.call('ZADD', processes, text(now), process)
    redis.call('PEXPIRE', processes, text(RECENT / 1000))
    return redis.call('ZCARD', processes)
end
""".replace("RECENT", f"{SEEN_S * 1e6:.0f}")

# ARGV: process, known, owner, count, window, longest wait, owner of a request that was sent or
# nothing. Returns the time, the wait, whether it is booked, the number of slots, the rest of the
# block, and the number of processes.
REQUEST = (
    _HEAD
    + """
local owner, count, window = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local longest = tonumber(ARGV[6])
local count_seen = seen(ARGV[1], ARGV[2])
if not count_seen then return false end
local function answer(wait, booked)
    local used, rest = redis.call('ZCARD', slots), math.max(blocked - now, 0)
    return {text(now), text(wait), booked, used, text(rest), count_seen}
end
redis.call('ZREMRANGEBYSCORE', slots, '-inf', text(now - window))
if ARGV[7] ~= '' and not redis.call('ZSCORE', slots, ARGV[7]) then return false end
local mine = tonumber(redis.call('ZSCORE', slots, owner) or '')
if mine then
    if mine - now > longest then
        redis.call('ZREM', slots, owner)
        return answer(mine - now, 0)
    end
    if mine > now then return answer(mine - now, 1) end
    if mine + LATE >= now and blocked <= now then return answer(0, 1) end
    redis.call('ZREM', slots, owner)
end
local at = math.max(now, blocked, score(-1) or 0)
if redis.call('ZCARD', slots) >= count then at = math.max(at, score(-count) + window) end
if at - now > longest then return answer(at - now, 0) end
redis.call('ZADD', slots, text(at), owner)
keep(window)
return answer(at - now, 1)
""".replace("LATE", f"{LATE_S * 1e6:.0f}")
)

# ARGV: process, known. Returns the time and the number of processes.
SEEN = (
    _HEAD
    + """
local count_seen = seen(ARGV[1], ARGV[2])
return count_seen and {text(now), count_seen}
"""
)

# ARGV: seconds of the block as microseconds, window. Waiting slots move behind it, in their order.
BLOCK = (
    _HEAD
    + """
local duration, window = tonumber(ARGV[1]), tonumber(ARGV[2])
blocked = math.max(blocked, now + duration)
redis.call('SET', blocked_key, text(blocked), 'PX', text(math.ceil((blocked - now) / 1000)))
local waiting = redis.call('ZRANGEBYSCORE', slots, '(' .. text(now), '+inf', 'WITHSCORES')
local later = waiting[2] and math.max(blocked - tonumber(waiting[2]), 0) or 0
for i = 1, #waiting, 2 do
    redis.call('ZADD', slots, text(tonumber(waiting[i + 1]) + later), waiting[i])
end
keep(window)
return 0
"""
)

# ARGV: process, known, window, and for each slot its owner and its age. Returns the time.
RESTORE = (
    _HEAD
    + """
if not seen(ARGV[1], ARGV[2]) then return false end
for i = 4, #ARGV, 2 do
    -- A clock that was set forward has made the slot that is there too old.
    redis.call('ZADD', slots, 'GT', text(now - tonumber(ARGV[i + 1])), ARGV[i])
end
keep(tonumber(ARGV[3]))
return {text(now)}
"""
)
