-- The difference of two texts, line by line, as people know it from reviews of code.
local diff = {}

local function lines_of(text)
  local lines = {}
  for line in (text:gsub("\n+$", "") .. "\n"):gmatch("(.-)\n") do lines[#lines + 1] = line end
  return lines
end

-- Lines that stayed begin with two spaces, those that went with "- ", those that came with "+ ".
function diff.lines(before, after)
  local a, b = lines_of(before), lines_of(after)

  -- same[i][j]: how many lines the rests of both, from i and from j, have in common.
  local same = {}
  for i = #a + 1, 1, -1 do
    same[i] = {}
    for j = #b + 1, 1, -1 do
      if i > #a or j > #b then same[i][j] = 0
      elseif a[i] == b[j] then same[i][j] = same[i + 1][j + 1] + 1
      else same[i][j] = math.max(same[i + 1][j], same[i][j + 1]) end
    end
  end

  local found, i, j = {}, 1, 1
  while i <= #a or j <= #b do
    if i <= #a and j <= #b and a[i] == b[j] then
      found[#found + 1], i, j = "  " .. a[i], i + 1, j + 1
    elseif j > #b or (i <= #a and same[i + 1][j] >= same[i][j + 1]) then
      found[#found + 1], i = "- " .. a[i], i + 1
    else
      found[#found + 1], j = "+ " .. b[j], j + 1
    end
  end
  return table.concat(found, "\n")
end

return diff
