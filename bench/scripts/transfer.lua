-- POST /transaction between two of the accounts from 1 to the first argument. The second argument is
-- plain; keyed, for an Idempotency-Key of its own on each; or mixed, where every other request is a
-- POST /account/{id}/payment. The third is an API key, if one is needed.

dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "common.lua")

local accounts, kind
local count = 0
local headers = { ["Content-Type"] = "application/json" }

function init(args)
  accounts, kind = tonumber(args[1]), args[2]
  if args[3] then headers["Authorization"] = "Bearer " .. args[3] end
  math.randomseed(os.time())
end

function request()
  local source = math.random(accounts)
  local amount = string.format("%d.%02d", math.random(0, 98), math.random(1, 99))
  count = count + 1
  if kind == "mixed" and count % 2 == 0 then
    local path = string.format("/account/%d/payment", source)
    return wrk.format("POST", path, headers, string.format('{"amount": "%s"}', amount))
  end
  if kind == "keyed" then
    -- In random order, as UUIDs are.
    headers["Idempotency-Key"] = string.format("%06x-%d-%d", math.random(2^24 - 1), os.time(), count)
  end
  local target = (source - 1 + math.random(accounts - 1)) % accounts + 1
  local body = string.format(
    '{"source_account_id": %d, "target_account_id": %d, "amount": "%s"}', source, target, amount)
  return wrk.format("POST", "/transaction", headers, body)
end
