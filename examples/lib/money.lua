-- Amounts of money as whole cents, so that nothing is lost to rounding.
local money = {}

-- "12.5" -> 1250
function money.parse(text)
  local euros, cents = text:match("^(%d+)%.?(%d*)$")
  if not euros or #cents > 2 then error('"' .. text .. '" is not an amount', 2) end
  return tonumber(euros) * 100 + tonumber((cents .. "00"):sub(1, 2))
end

-- 1250 -> "12.50"
function money.format(cents)
  return string.format("%d.%02d", cents // 100, cents % 100)
end

-- A share of an amount, in percent, rounded half up.
function money.percent(cents, percent)
  return (cents * percent + 50) // 100
end

return money
