-- Numbers in base 36. A double has the milliseconds of a time exactly.

-- A whole number in base 36, with leading zeros up to a multiple of four digits. Four digits become a string at once: a string for each
-- digit would take three times as long.
local function padded36(number)
  local text = ''
  repeat
    local d = number % 36
    number = (number - d) / 36
    local c = number % 36
    number = (number - c) / 36
    local b = number % 36
    number = (number - b) / 36
    local a = number % 36
    number = (number - a) / 36
    text = string.char(
      a + (a < 10 and 48 or 87),
      b + (b < 10 and 48 or 87),
      c + (c < 10 and 48 or 87),
      d + (d < 10 and 48 or 87)
    ) .. text
  until number == 0
  return text
end

-- A whole number below 36^9 as nine digits in base 36.
local function nine_digits36(number)
  local i = number % 36
  number = (number - i) / 36
  local h = number % 36
  number = (number - h) / 36
  local g = number % 36
  number = (number - g) / 36
  local f = number % 36
  number = (number - f) / 36
  local e = number % 36
  number = (number - e) / 36
  local d = number % 36
  number = (number - d) / 36
  local c = number % 36
  number = (number - c) / 36
  local b = number % 36
  local a = (number - b) / 36
  return string.char(
    a + (a < 10 and 48 or 87),
    b + (b < 10 and 48 or 87),
    c + (c < 10 and 48 or 87),
    d + (d < 10 and 48 or 87),
    e + (e < 10 and 48 or 87),
    f + (f < 10 and 48 or 87),
    g + (g < 10 and 48 or 87),
    h + (h < 10 and 48 or 87),
    i + (i < 10 and 48 or 87)
  )
end

local function base36(number)
  if number == 0 then return '0' end
  return string.match(padded36(number), '^0*(.+)$')
end
