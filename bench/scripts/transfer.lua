-- POST /transaction between two of the accounts from 1 to the first argument.

dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "common.lua")

local accounts
local headers = { ["Content-Type"] = "application/json" }

function init(args)
  accounts = tonumber(args[1])
  math.randomseed(os.time())
end

function request()
  local source = math.random(accounts)
  local target = (source - 1 + math.random(accounts - 1)) % accounts + 1
  local body = string.format(
    '{"source_account_id": %d, "target_account_id": %d, "amount": "%d.%02d"}',
    source, target, math.random(0, 98), math.random(1, 99))
  return wrk.format("POST", "/transaction", headers, body)
end
