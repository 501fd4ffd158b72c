-- Puts a poll or a key in its site's list, if there is such a site. The list comes first, the poll or key after it: so a
-- site is not deleted while one is made (delete_site.lua), and none is made on a site that was. Safe to run twice.
--
-- KEYS: site, the list
-- ARGV: 1 its id, 2 of a poll when it was made, in milliseconds
-- Answers 1; 0: there is no such site.

if redis.call('HEXISTS', KEYS[1], 'created_at') == 0 then return 0 end
if ARGV[2] ~= '' then redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1]) else redis.call('SADD', KEYS[2], ARGV[1]) end
return 1
