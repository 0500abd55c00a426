/** What Redis does in one step. Times are of Redis's own clock, so that the machines need not agree on one. */

const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/** Nobody reads the line, and of requests: nobody ever did, or all of them are long gone. */
export const NOBODY = -1;
/** The line is full. */
export const FULL = -2;

/**
 * Among the members of a line for requests is one that never goes, called `''`: it keeps the line while its servers are away,
 * for as long as the key lives (A7).
 *
 * KEYS: members, list. ARGV: message, bound of the list, side (`LPUSH` or `RPUSH`), how long the line is kept, in ms. Returns 1, {@link NOBODY} or {@link FULL}.
 * Looking for a reader and writing are one step: no message is left to nobody (A7).
 */
export const PUSH: string = `${NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) == 0 then return ${NOBODY} end
if redis.call('LLEN', KEYS[2]) >= tonumber(ARGV[2]) then return ${FULL} end
redis.call(ARGV[3], KEYS[2], ARGV[1])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return 1
`;

/**
 * KEYS: members. ARGV: message, bound of each list, what the listeners' own lists begin with, how long those are kept (A4). A
 * listener that has that much to do already misses it.
 */
export const FANOUT: string = `${NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if id ~= '' and redis.call('LLEN', ARGV[3] .. id) < tonumber(ARGV[2]) then
    redis.call('RPUSH', ARGV[3] .. id, ARGV[1])
    redis.call('PEXPIRE', ARGV[3] .. id, ARGV[4])
  end
end
return 1
`;

/**
 * KEYS: pools. ARGV: message, bound of each list, what the pools' lists and members begin with. Returns 1, or
 * {@link FULL} where the list of a pool is, and then no pool got it: an event that is sent again must not come twice.
 */
export const PUBLISH: string = `${NOW}
local live = {}
for _, pool in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local members = ARGV[4] .. pool
  redis.call('ZREMRANGEBYSCORE', members, '-inf', now)
  if redis.call('ZCARD', members) == 0 then
    redis.call('SREM', KEYS[1], pool)
    redis.call('DEL', ARGV[3] .. pool)
  elseif redis.call('LLEN', ARGV[3] .. pool) >= tonumber(ARGV[2]) then
    return ${FULL}
  else
    live[#live + 1] = ARGV[3] .. pool
  end
end
for _, list in ipairs(live) do redis.call('RPUSH', list, ARGV[1]) end
return 1
`;

/** KEYS: members of each line. ARGV: listener, how long it counts as there, and for how long its lines are kept, in ms; 0: they are not. */
export const BEAT: string = `${NOW}
for _, members in ipairs(KEYS) do
  redis.call('ZADD', members, now + ARGV[2], ARGV[1])
  if ARGV[3] ~= '0' then
    redis.call('ZADD', members, '+inf', '')
    redis.call('PEXPIRE', members, ARGV[3])
  end
end
return now
`;

/** KEYS: the listener's own list, then members and list of each line. ARGV: listener. Returns what nobody will read any more. */
export const LEAVE: string = `${NOW}
local left = redis.call('LRANGE', KEYS[1], 0, -1)
redis.call('DEL', KEYS[1])
for at = 2, #KEYS, 2 do
  redis.call('ZREM', KEYS[at], ARGV[1])
  redis.call('ZREMRANGEBYSCORE', KEYS[at], '-inf', now)
  if redis.call('ZCARD', KEYS[at]) == 0 then
    for _, message in ipairs(redis.call('LRANGE', KEYS[at + 1], 0, -1)) do left[#left + 1] = message end
    redis.call('DEL', KEYS[at + 1])
  end
end
return left
`;
