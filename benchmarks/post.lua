-- Posts the pictures of the file that BODIES names, a line of hexadecimal digits each, in turn; see wrk(1).
local bodies = {}
for line in io.lines(os.getenv("BODIES")) do
  bodies[#bodies + 1] = (line:gsub("..", function(digits) return string.char(tonumber(digits, 16)) end))
end
local number = 0

wrk.method = "POST"
wrk.headers["Content-Type"] = "application/octet-stream"

request = function()
  number = number % #bodies + 1
  return wrk.format(nil, nil, nil, bodies[number])
end
