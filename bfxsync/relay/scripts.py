"""
The scripts that run in Redis: their steps are not separated by those of other clients.

Strategy: a relay writes only while it holds the lease, but it may learn too late that it has lost
it. So the taker writes a fence with a greater id into every stream, and Redis itself refuses the
former leader from then on. Only `TAKE` creates streams, as an absent stream has forgotten its ids.
"""

from __future__ import annotations

TAKE = """\
-- KEYS: lease, epoch, hash of channels, own streams, other streams
-- ARGV: token, ttl in ms, number of own streams, then an identity and its state for each
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return {'0', redis.call('PTTL', KEYS[1])} end
local time = redis.call('TIME')
local epoch = math.max(time[1] * 1000 + math.floor(time[2] / 1000),
                       tonumber(redis.call('GET', KEYS[2]) or '0') + 1)
local own = tonumber(ARGV[3])
local exists = {}
for i = 4, #KEYS do
    exists[i] = redis.call('EXISTS', KEYS[i]) == 1
    if exists[i] then
        local info = redis.call('XINFO', 'STREAM', KEYS[i])
        for j = 1, #info, 2 do
            if info[j] == 'last-generated-id' then
                epoch = math.max(epoch, tonumber(string.match(info[j + 1], '^%d+')) + 1)
            end
        end
    end
end
local text = string.format('%.0f', epoch)
redis.call('SET', KEYS[2], text)
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
for i = 4, #KEYS do
    if i < 4 + own or exists[i] then
        redis.call('XADD', KEYS[i], text .. '-0', 'k', 'fence')
    end
end
redis.call('DEL', KEYS[3])
for i = 4, #ARGV, 2 do redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1]) end
return {text, 0}
"""
"""Returns the new epoch, or '0' and the milliseconds that another one's lease is still valid."""

SNAPSHOT = """\
-- KEYS: stream, snapshot   ARGV: id, flags, rows, then the fields of the entry
if not redis.call('XADD', KEYS[1], 'NOMKSTREAM', ARGV[1], unpack(ARGV, 4)) then return false end
redis.call('HSET', KEYS[2], 'id', ARGV[1], 'flags', ARGV[2], 'rows', ARGV[3])
return ARGV[1]
"""
"""XADD first: if it is refused, the stored snapshot stays as it is."""

RENEW = """\
-- KEYS: lease   ARGV: token, ttl in ms
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
"""

LEAVE = """\
-- KEYS: lease   ARGV: token
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
"""
