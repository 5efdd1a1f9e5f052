-- GET /account/{id}, with ids from 1 to the first argument.

dofile(debug.getinfo(1, "S").source:match("@(.*/)") .. "common.lua")
get("/account/%d")
