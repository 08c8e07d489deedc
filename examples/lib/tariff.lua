-- What customers pay: discounts by quantity, and tax by country.
local money = require "money"

local TAX = { DE = 19, FR = 20, NL = 21 }
local DISCOUNTS = { { from = 100, percent = 12 }, { from = 20, percent = 5 } }

local tariff = {}

function tariff.discounted(cents, pieces)
  for _, row in ipairs(DISCOUNTS) do
    if pieces >= row.from then return cents - money.percent(cents, row.percent) end
  end
  return cents
end

function tariff.tax(cents, country)
  return money.percent(cents, TAX[country])
end

return tariff
