-- One endpoint's state in Redis, shared by all processes; times are Redis's own, in milliseconds.
-- KEYS: state (hash: failures, open_until, opened, probe_until), slots (sorted set: call -> end of its lease)
-- ARGV: what, call, most at once (0: any), lease, failures that open, first pause, longest pause
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local what, call = ARGV[1], ARGV[2]
local most, lease = tonumber(ARGV[3]), tonumber(ARGV[4])
local opens_at, first_pause, longest_pause = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local function state(name) return tonumber(redis.call('HGET', KEYS[1], name) or '0') end
local function kept() redis.call('PEXPIRE', KEYS[1], 2 * longest_pause) end

if what == 'enter' then
    local opened = state('opened')
    if opened > 0 then
        local closed_until = math.max(state('open_until'), state('probe_until'))
        if closed_until > now then return {'open', closed_until - now} end
    end
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
    if most > 0 and redis.call('ZCARD', KEYS[2]) >= most then return {'busy', 0} end
    if opened > 0 then  -- one call finds out whether it works again
        redis.call('HSET', KEYS[1], 'probe_until', now + lease)
        kept()
    end
    redis.call('ZADD', KEYS[2], now + lease, call)
    redis.call('PEXPIRE', KEYS[2], 2 * lease)
    return {'entered', 0}
elseif what == 'stay' then
    redis.call('ZADD', KEYS[2], 'XX', now + lease, call)
    redis.call('PEXPIRE', KEYS[2], 2 * lease)
elseif what == 'worked' then
    redis.call('ZREM', KEYS[2], call)
    redis.call('DEL', KEYS[1])
elseif what == 'failed' then
    redis.call('ZREM', KEYS[2], call)
    local failures = redis.call('HINCRBY', KEYS[1], 'failures', 1)
    local opened = state('opened')
    if failures >= opens_at and state('open_until') <= now then
        redis.call('HSET', KEYS[1], 'opened', opened + 1, 'probe_until', 0,
            'open_until', now + math.min(longest_pause, first_pause * 2 ^ opened))
    end
    kept()
else  -- left: it says nothing of the endpoint; whoever was to find out did not
    if redis.call('ZREM', KEYS[2], call) == 1 and state('opened') > 0 then
        redis.call('HSET', KEYS[1], 'probe_until', 0)
    end
end
return {'', 0}
