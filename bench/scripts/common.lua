-- What each script does at the end: say in one line of JSON what wrk knows. Times are microseconds.

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"microseconds": %d, "answers": %d, "refused": %d, "broken": %d, "p50": %d, "p99": %d}\n',
    summary.duration, summary.requests, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end

-- Makes a script that GETs a path with an id from 1 to the first argument.
function get(path)
  local ids
  function init(args)
    ids = tonumber(args[1])
    math.randomseed(os.time())
  end
  function request()
    return wrk.format("GET", string.format(path, math.random(ids)))
  end
end
